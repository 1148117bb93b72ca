import { z } from 'zod';

import type { Discovery } from './jwks.ts';

const Document = z.object({ issuer: z.string().max(2_048), jwks_uri: z.string().max(2_048) });

/** Runs in a process of its own: see `readDiscovery`. */
export function isolated(text: string): Discovery {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'malformed', detail: 'it is no JSON' };
  }
  const { data } = Document.safeParse(value);
  return data === undefined
    ? { kind: 'malformed', detail: 'it names no issuer and jwks_uri' }
    : { kind: 'discovery', issuer: data.issuer, jwksUri: data.jwks_uri };
}
