import { z } from 'zod';

import { type Fields, dateAt, isTrueAt, listAt, textAt } from '../../src/cloud/answer.ts';
import { createGoogleInstance, type GoogleLook } from '../../src/cloud/google.ts';
import { googleOptions } from '../../src/cloud/google-options.ts';
import { readChain } from '../../src/cloud/held.ts';
import {
  attempt,
  detailsCut,
  endsLook,
  listCut,
  missingFrom,
  problemOf,
  unchanged,
  versionOf,
} from '../../src/cloud/observation.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';

const ACCOUNTS = 'iam.serviceAccounts.list';
const KEYS = 'iam.serviceAccountKeys.list';
const KEY = 'iam.serviceAccountKeys.get';

export const googleIam = defineCollector({
  type: 'google-iam',
  summary: 'Keys of service accounts in Google Cloud: those that end, and the certificates that were uploaded',
  options: z.strictObject(googleOptions),
  scope: () => 'cluster',
  create: (given, context) =>
    createGoogleInstance('google-iam', given, context, [
      { name: '', actions: [ACCOUNTS, KEYS, KEY], observe: observeAccounts },
    ]),
});

async function* observeAccounts(look: GoogleLook): AsyncGenerator<Observation, void, undefined> {
  const gaps: Problem[] = [];
  let stopped: CollectError | undefined;
  const path = `/v1/projects/${look.project}/serviceAccounts`;
  for await (const page of look.list({ action: ACCOUNTS }, 'iam', path, 'accounts')) {
    if (page.kind === 'cut') {
      gaps.push(listCut(ACCOUNTS, page.error));
      continue;
    }
    for (const account of page.items) {
      const name = textAt(account, 'name');
      if (name === undefined) continue;
      const seen = await observeAccount(look, account, name, stopped);
      if (seen.error !== undefined && endsLook(seen.error)) stopped = seen.error;
      if (seen.given !== undefined) yield seen.given;
    }
  }
  if (stopped !== undefined) gaps.push(detailsCut(KEYS, stopped));
  yield* missingFrom(look.here, gaps);
}

interface Seen {
  /** Absent for an account without keys, as most should be. */
  readonly given?: Observation;
  readonly error?: CollectError;
}

async function observeAccount(
  look: GoogleLook,
  account: Fields,
  location: string,
  stopped: CollectError | undefined,
): Promise<Seen> {
  const email = textAt(account, 'email') ?? location;
  const url = look.url('iam', `/v1/${location}/keys`, { keyTypes: 'USER_MANAGED' });
  const answer = stopped ?? (await attempt(look.ask({ action: KEYS, of: email }, url)));
  if (answer instanceof CollectError) {
    if (answer.reason === 'not_found') return {};
    return { given: { location, items: [], problems: [problemOf('keys', answer)] }, error: answer };
  }
  const keys = listAt(answer, 'keys');
  if (keys.length === 0) return {};
  const labels = isTrueAt(account, 'disabled') ? { labels: { enabled: 'false' } } : {};
  const version = versionOf('keys', { keys, labels });
  if (look.known.version(location) === version) return { given: unchanged(location, version) };
  const items: Item[] = [];
  const problems: Problem[] = [];
  for (const key of keys) {
    const held = await readKey(look, key, email);
    items.push(...held.items);
    problems.push(...held.problems);
  }
  return { given: { location, items, problems, ...labels, ...(problems.length > 0 ? {} : { version }) } };
}

async function readKey(
  look: GoogleLook,
  key: Fields,
  email: string,
): Promise<{ readonly items: readonly Item[]; readonly problems: readonly Problem[] }> {
  const name = textAt(key, 'name');
  const id = name?.slice(name.lastIndexOf('/') + 1);
  const end = dateAt(key, 'validBeforeTime');
  if (name === undefined || id === undefined || end === undefined) return { items: [], problems: [] };
  const attributes = {
    role: 'client',
    renewal: { mode: 'manual' },
    usedBy: [{ type: 'app', id: email }],
    ...(isTrueAt(key, 'disabled') ? { labels: { enabled: 'false' } } : {}),
  } as const;
  const credential: Item = {
    kind: 'credential',
    id: name,
    name: `key ${id} of ${email}`,
    notAfter: end,
    place: { key: `key/${id}` },
    ...attributes,
  };
  if (textAt(key, 'keyOrigin') !== 'USER_PROVIDED') return { items: [credential], problems: [] };
  // What was uploaded is a certificate of somebody's own.
  const url = look.url('iam', `/v1/${name}`, { publicKeyType: 'TYPE_X509_PEM_FILE' });
  const answer = await attempt(look.ask({ action: KEY, of: name }, url));
  if (answer instanceof CollectError) return { items: [credential], problems: [problemOf('key', answer)] };
  const pem = Buffer.from(textAt(answer, 'publicKeyData') ?? '', 'base64').toString('latin1');
  const held = await readChain(look.context, { certificate: pem }, attributes, `key/${id}/`);
  return held.leaf === undefined ? { items: [credential], problems: held.problems } : held;
}
