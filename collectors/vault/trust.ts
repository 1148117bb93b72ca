import { createHash } from 'node:crypto';

import { attempt, endsLook, unchanged } from '../../src/cloud/observation.ts';
import type { Known } from '../../src/plugin/collector.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import { AbsentError } from './api.ts';
import { readPart } from './pem.ts';
import type { Session } from './session.ts';

/** Certificates by which Vault itself lets clients in (https://developer.hashicorp.com/vault/api-docs/auth/cert). */
export async function* observeTrust(
  session: Session,
  mount: string,
  known: Known,
  signal: AbortSignal,
): AsyncGenerator<Observation, void, undefined> {
  const path = `auth/${mount}/certs`;
  const names = await attempt(session.list(path, signal));
  if (names instanceof AbsentError) return;
  if (names instanceof CollectError) throw names;
  const { host, port, protocol } = new URL(session.api.server.address);
  const endpoint = port === '' ? `${host}:${protocol === 'https:' ? 443 : 80}` : host;
  for (const name of names) {
    const location = `${path}/${name}`;
    const data = await attempt(session.read(location, signal));
    if (data instanceof AbsentError) continue;
    if (data instanceof CollectError) {
      if (endsLook(data)) throw data;
      yield { location, items: [], problems: [{ reason: data.reason, detail: data.message }] };
      continue;
    }
    const { certificate } = data;
    const pem = typeof certificate === 'string' ? certificate : '';
    const version = createHash('sha256').update(pem).digest('hex').slice(0, 32);
    if (known.version(location) === version) {
      yield unchanged(location, version);
      continue;
    }
    const { items, problems } = readPart(pem, 'certificate', () => 'trust-anchor');
    yield {
      location,
      version,
      items: items.map((item) => ({ ...item, usedBy: [{ type: 'endpoint', id: endpoint }] })),
      problems,
    };
  }
}
