import { z } from 'zod';

const MAX_TARGETS = 1_000;
const MIB = 1024 * 1024;

const url = z
  .url({ protocol: /^https?$/ })
  .refine((text) => !/^[a-z]+:\/\/[^/?#]*@/i.test(text), 'a login is not written into the URL');

function isDistinct(list: readonly string[]): boolean {
  return new Set(list).size === list.length;
}

const urls = z.array(url).max(MAX_TARGETS).refine(isDistinct, 'a URL is named twice').default([]);

export const options = z.strictObject({
  saml: z
    .array(z.union([url, z.string().regex(/^\//, 'a URL, or an absolute path')]))
    .max(MAX_TARGETS)
    .refine(isDistinct, 'something is named twice')
    .default([])
    .describe('SAML metadata: URLs or absolute paths, of identity providers, of service providers or of a federation.'),
  oidc: urls.describe(
    'Issuers of OpenID Connect, e.g. https://login.example.com/tenant: their discovery document and keys are read.',
  ),
  jwks: urls.describe('URLs of JWK sets, where there is no discovery document.'),
  allow_hosts: z
    .array(z.string().regex(/^[a-z0-9.-]+(?::\d{1,5})?$/i, 'a host, with a port or without'))
    .max(100)
    .default([])
    .describe('Hosts besides their own at which issuers may have their keys, e.g. www.googleapis.com.'),
  ca_file: z
    .string()
    .min(1)
    .optional()
    .describe('PEM file with the CAs by which the servers are judged. Default: those of the system.'),
  max_bytes: z
    .int()
    .min(1024)
    .max(64 * MIB)
    .default(4 * MIB)
    .describe('Documents larger than this are refused. Default 4 MiB; a large federation may need more.'),
});

export type Options = z.output<typeof options>;
