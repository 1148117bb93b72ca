import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { format } from 'prettier';

import { CLIENT_KINDS, identityOf, type ClientKind } from '../helpers/client-identities.ts';
import { eventually } from '../helpers/eventually.ts';
import { login, type TlsVersion } from '../helpers/rehearsal.ts';
import type { RehearsalVerdict } from '../../src/tls/rehearse/rehearse.ts';
import { SUBJECTS, type RunningSubject, type Subject } from './verdicts/servers.ts';
import { buildGo, openWorkshop, type Workshop } from './verdicts/workshop.ts';
import { verdictsPage, type Row } from './verdicts/page.ts';

const PAGE = path.resolve(import.meta.dirname, '../../docs/reference/verdicts.md');
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

const rows: Row[] = [];
let workshop: Workshop;

beforeAll(() => {
  workshop = openWorkshop();
  buildGo(workshop.folder);
}, 300_000);

afterAll(async () => {
  workshop?.[Symbol.dispose]();
  const page = await format(verdictsPage(rows), { parser: 'markdown', printWidth: 120 });
  console.log(page);
  // The page claims that nothing was wrong, about every server.
  if (process.env['NOTAFTER_WRITE_DOCS'] === '1' && rows.length === TABLE.length) writeFileSync(PAGE, page);
});

/** The server's own judgement of the connection behind `mark` characters of its log. */
function truthOf(server: RunningSubject, mark: number): Promise<'accepted' | 'rejected'> {
  return eventually('the server logs what became of the connection', () => {
    const said = server.log().slice(mark);
    if (server.accepted.test(said)) return 'accepted';
    return server.rejected.test(said) && 'rejected';
  });
}

const TABLE = SUBJECTS.flatMap((subject) =>
  VERSIONS.map((version): [string, TlsVersion, Subject] => [subject.name, version, subject]),
);

describe('a rehearsal', () => {
  test.each(TABLE)('agrees with the log of %s over %s', async (name, version, subject) => {
    const server = await subject.start(version, workshop);
    const verdicts = new Map<ClientKind, RehearsalVerdict>();
    const wrong: string[] = [];
    try {
      for (const kind of CLIENT_KINDS) {
        const mark = server.log().length;
        const verdict = await login(server, {
          identity: identityOf(kind),
          request: subject.request,
          timeoutMs: 15_000,
        });
        verdicts.set(kind, verdict);
        const should = kind === 'good' ? 'accepted' : 'rejected';
        const truth = subject.unknown === 'unasked' ? should : await truthOf(server, mark);
        const mayBeUnknown =
          subject.unknown === 'unasked' ||
          (subject.unknown === 'silent' && version === 'TLSv1.3' && truth === 'accepted');
        const isRight = verdict.status === (mayBeUnknown ? 'unknown' : truth);
        // A server that lets in whom it should not would make every verdict right.
        if (truth !== should || !isRight) {
          wrong.push(`${kind}: ${JSON.stringify(verdict)}, and the server ${truth} it: ${server.log().slice(mark)}`);
        }
      }
    } finally {
      await server.stop();
    }
    expect(wrong).toEqual([]);
    rows.push({ name, version, verdicts });
  });
});
