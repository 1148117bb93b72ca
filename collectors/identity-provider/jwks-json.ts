import { createPublicKey } from 'node:crypto';

import { z } from 'zod';

import type { CertifiedKey, KeySet } from './jwks.ts';

/** Providers have some ten keys, those with many tenants some hundred. */
const MAX_KEYS = 1_000;
const MAX_CHAIN = 10;

const Key = z.object({
  kid: z.string().optional().catch(undefined),
  use: z.enum(['sig', 'enc']).optional().catch(undefined),
  x5c: z.array(z.string()).min(1).optional().catch(undefined),
  x5t: z.string().optional().catch(undefined),
  'x5t#S256': z.string().optional().catch(undefined),
});
const KeyList = z.object({ keys: z.array(z.unknown()) });

/** Runs in a process of its own: see `readKeySet`. */
export function isolated(text: string): KeySet {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'malformed', detail: 'it is no JSON' };
  }
  const { data } = KeyList.safeParse(value);
  if (data === undefined) return { kind: 'malformed', detail: 'it has no list of keys' };
  const keys = data.keys.slice(0, MAX_KEYS).flatMap((key, index) => readKey(key, index) ?? []);
  return { kind: 'keys', keys, count: data.keys.length, isCut: data.keys.length > MAX_KEYS };
}

function readKey(value: unknown, index: number): CertifiedKey | undefined {
  const { data } = Key.safeParse(value);
  if (data?.x5c === undefined) return undefined;
  const publicKey = publicKeyOf(value as object);
  return {
    id: data.kid === undefined || data.kid === '' ? `number ${index + 1}` : data.kid,
    use: data.use,
    chain: data.x5c.slice(0, MAX_CHAIN),
    ...(data.x5t === undefined ? {} : { sha1: hexOf(data.x5t) }),
    ...(data['x5t#S256'] === undefined ? {} : { sha256: hexOf(data['x5t#S256']) }),
    ...(publicKey === undefined ? {} : { publicKey }),
  };
}

/** Of what is no key that OpenSSL knows, nothing is said. */
function publicKeyOf(jwk: object): string | undefined {
  try {
    return createPublicKey({ key: jwk as Record<string, string>, format: 'jwk' })
      .export({ type: 'spki', format: 'der' })
      .toString('base64');
  } catch {
    return undefined;
  }
}

function hexOf(base64url: string): string {
  return Buffer.from(base64url, 'base64url').toString('hex');
}
