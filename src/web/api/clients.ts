import { z } from 'zod';

import type { ClientOutlook } from '../../inventory/clients.ts';
import type { WebParts } from '../parts.ts';
import { pageOf, type Key } from './cursor.ts';
import { endpoint, Refusal, type Endpoint } from './endpoint.ts';
import { isoAt, loginJson } from './item-json.ts';
import { csvAnswer, format, paging } from './lists.ts';
import { clientPage, VERDICTS } from './schemas.ts';

const text = z.string().max(500);
/** Orders what has no end behind what has one. */
const NO_END = Number.MAX_SAFE_INTEGER;
const KEY = ['number', 'number', 'string'] as const;

/** A login, and whether it is certain (0) or possible (1). */
interface Listed {
  readonly group: 0 | 1;
  readonly login: ClientOutlook;
}

export function clientEndpoints({ survey }: Pick<WebParts, 'survey'>): readonly Endpoint[] {
  return [
    endpoint({
      method: 'get',
      path: '/api/v1/clients',
      name: 'listClients',
      summary: 'Who logs in where with a client certificate, what the server said, and when it will refuse',
      query: {
        source: text.optional().describe('Of the endpoint.'),
        client: text.optional().describe('Id of the certificate of the client.'),
        verdict: z.enum(VERDICTS).optional().describe('What the server said at the last look.'),
        ...paging,
        format,
      },
      answer: clientPage,
      status: 200,
      problems: [503],
      hasCsv: true,
      async handle({ query: { source, client, verdict, format: form, ...page } }) {
        const { at, clients, isWhole: isComplete } = (await survey()).value;
        const isWanted = (login: ClientOutlook): boolean =>
          (source === undefined || login.endpoint.source === source) &&
          (client === undefined || login.client.id === client) &&
          (verdict === undefined || login.verdict?.status === verdict);
        const certain = clients.certain.filter(isWanted).map((login): Listed => ({ group: 0, login }));
        const possible = clients.possible.filter(isWanted).map((login): Listed => ({ group: 1, login }));
        const all = [...certain, ...possible];
        if (form === 'csv' && !isComplete) {
          throw new Refusal(503, 'still reading what is known; ask again in a few seconds');
        }
        if (form === 'csv') {
          return csvAnswer(
            'clients',
            all.map(({ login }) => loginJson(login)),
          );
        }
        const { rows, next } = pageOf(all, page, KEY, keyOf);
        const jsonOf = (wanted: Listed['group']): ReturnType<typeof loginJson>[] =>
          rows.filter(({ group }) => group === wanted).map(({ login }) => loginJson(login));
        // Of those that are possible the survey keeps the first, and counts the others.
        const isWhole = possible.length === clients.possible.length;
        return {
          at: isoAt(at),
          complete: isComplete,
          login_count: certain.length,
          logins: jsonOf(0),
          possible_count: isWhole ? clients.possibleCount : possible.length,
          possible: jsonOf(1),
          next,
        };
      },
    }),
  ];
}

function keyOf({ group, login }: Listed): Key {
  const { outageAt, client, name = '', endpoint: where } = login;
  return [group, outageAt ?? NO_END, [client.id, where.source, where.location, name].join('\n')];
}
