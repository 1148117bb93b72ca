import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import type { Session } from './session.ts';

/** A renewable token is renewed when less than this share of its life is left. */
const RENEW_SHARE = 1 / 2;

/** The end of our own token, where it was given to us: without it everything else is blind. */
export async function* observeToken(
  session: Session,
  context: Context,
  signal: AbortSignal,
): AsyncGenerator<Observation, void, undefined> {
  // A token of a login of our own is replaced long before it ends.
  if (!session.isGiven) return;
  let token = await session.read('auth/token/lookup-self', signal);
  const { ttl, creation_ttl: life, renewable } = token;
  const isLow = typeof ttl === 'number' && typeof life === 'number' && life > 0 && ttl < life * RENEW_SHARE;
  let stuck: string | undefined;
  if (renewable === true && isLow) {
    try {
      await session.call('auth/token/renew-self', { capability: 'update', body: {} }, signal);
      token = await session.read('auth/token/lookup-self', signal);
    } catch (error) {
      if (!(error instanceof CollectError)) throw error;
      stuck = error.message;
    }
  }
  const { expire_time: expires, accessor, display_name: name } = token;
  const endsAt = typeof expires === 'string' ? Date.parse(expires) : Number.NaN;
  // A root token, and one without a lifetime, never ends.
  if (Number.isNaN(endsAt)) return;
  context.log.debug({ server: session.api.server.address, endsAt }, 'the token of this source');
  yield {
    location: 'auth/token/self',
    items: [
      {
        kind: 'credential',
        id: typeof accessor === 'string' ? accessor : 'token',
        name: `the Vault token of notafter${typeof name === 'string' && name !== '' ? ` (${name})` : ''}`,
        notAfter: new Date(endsAt),
        place: { key: 'token' },
        role: 'client',
        renewal: { mode: renewable === true ? 'automatic' : 'manual', ...(stuck === undefined ? {} : { stuck }) },
      },
    ],
    problems: [],
  };
}
