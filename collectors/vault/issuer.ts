import { createHash } from 'node:crypto';

import { attempt, endsLook, unchanged } from '../../src/cloud/observation.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { AbsentError } from './api.ts';
import type { MountLook } from './look.ts';
import { isSelfIssued, readPart, roleOfIssuer } from './pem.ts';

/** Issuers, which are in no list of certificates when they were imported, each with the list of what it revoked. */
export async function* observeIssuers(look: MountLook): AsyncGenerator<Observation, void, undefined> {
  const { session, mount, signal } = look;
  let ids: readonly string[];
  try {
    ids = await session.list(`${mount}/issuers`, signal);
  } catch (error) {
    if (!(error instanceof AbsentError)) throw error;
    // Before 1.11, Vault had one issuer a mount; a mount that was never set up has none.
    yield* observeIssuer(look, `${mount}/cert/ca`, `${mount}/cert/ca`, `${mount}/crl/pem`);
    return;
  }
  for (const id of ids) {
    const path = `${mount}/issuer/${id}`;
    yield* observeIssuer(look, path, path, `${path}/crl/pem`);
  }
}

async function* observeIssuer(
  { session, known, signal }: MountLook,
  location: string,
  path: string,
  listPath: string,
): AsyncGenerator<Observation, void, undefined> {
  const data = await attempt(session.read(path, signal));
  if (data instanceof AbsentError) return;
  if (data instanceof CollectError) {
    if (endsLook(data)) throw data;
    yield { location, items: [], problems: [{ reason: data.reason, detail: data.message }] };
    return;
  }
  const { certificate, ca_chain: chain, key_id: keyId } = data;
  const pem = typeof certificate === 'string' ? certificate : '';
  if (pem === '') return;
  const list = await attempt(session.call(listPath, { capability: 'read' }, signal));
  if (list instanceof CollectError && endsLook(list)) throw list;
  const crl = list instanceof CollectError ? '' : list.body;
  const version = createHash('sha256')
    .update(JSON.stringify([data, crl]))
    .digest('hex')
    .slice(0, 32);
  if (known.version(location) === version) {
    yield unchanged(location, version);
    return;
  }
  const own = readPart(pem, 'certificate', (found) => roleOfIssuer(found, typeof keyId !== 'string' || keyId !== ''));
  const above = Array.isArray(chain) ? chain.filter((one) => typeof one === 'string').join('\n') : '';
  const others = readPart(above, 'chain', (found) => (isSelfIssued(found) ? 'trust-anchor' : 'intermediate'));
  const self = new Set(own.items.map((item) => (item.kind === 'certificate' ? item.parsed?.fingerprint : undefined)));
  const lists = readPart(crl, 'crl', () => 'issuer');
  // A mount whose lists are switched off has none.
  const refused: readonly Problem[] =
    list instanceof CollectError && !(list instanceof AbsentError)
      ? [{ reason: list.reason, place: 'crl', detail: list.message }]
      : [];
  yield {
    location,
    ...(refused.length > 0 ? {} : { version }),
    items: [
      ...own.items,
      // The chain begins with the issuer itself.
      ...others.items.filter((item) => item.kind !== 'certificate' || !self.has(item.parsed?.fingerprint)),
      ...lists.items,
    ],
    problems: [...own.problems, ...others.problems, ...lists.problems, ...refused],
  };
}
