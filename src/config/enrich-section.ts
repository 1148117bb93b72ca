import { z } from 'zod';

import { parseAllowance, type Allowance } from '../network/egress.ts';

/** What may be asked of the outside about certificates. */
export interface EnrichConfig {
  readonly aia: boolean;
  readonly crl: boolean;
  readonly ocsp: boolean;
  readonly names: boolean;
  /** ACME directory by the organization of an issuer, or by its key id in lower-case hex. */
  readonly ari: ReadonlyMap<string, string>;
  /** What may be reached beyond the public Internet. */
  readonly allow: readonly Allowance[];
}

const KEY_ID = /^(?:[0-9a-f]{2}:?){8,64}$/i;

/** A host, an address or a block, with a port or without. */
export const allowance = z.string().superRefine((text, check) => {
  try {
    parseAllowance(text);
  } catch (error) {
    check.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
  }
});

export const enrichSchema = z
  .strictObject({
    crl: z.boolean().default(false).describe('Look certificates up in the revocation lists that they name.'),
    ocsp: z.boolean().default(false).describe('Ask the OCSP responder of certificates that name no revocation list.'),
    aia: z
      .boolean()
      .default(false)
      .describe('Fetch the issuer that nobody sent from where the certificate says it is, to name what is missing.'),
    names: z.boolean().default(false).describe('See in DNS whether the names of server certificates still exist.'),
    ari: z
      .strictObject({
        directories: z
          .record(z.string().min(1).max(256), z.url({ protocol: /^https?$/ }))
          .default({})
          .describe('ACME directory by the organization (O) of an issuer, or by its key identifier in hex.'),
      })
      .optional()
      .describe('Ask these CAs when their certificates should be renewed (RFC 9773).'),
    allow: z
      .array(allowance)
      .default([])
      .describe(
        'Hosts, addresses or blocks that may be asked though they are not public, or at another port than 80 and 443: pki.example.com, 10.1.0.0/16, pki.example.com:8080.',
      ),
  })
  .describe('What may be asked of the outside about certificates. Nothing unless it is switched on here.');

export type EnrichSection = z.output<typeof enrichSchema>;

/** The section as the daemon uses it; everything off when there is none. */
export function enrichConfig(section: EnrichSection | undefined): EnrichConfig {
  const { aia = false, crl = false, ocsp = false, names = false, ari, allow = [] } = section ?? {};
  const directories = Object.entries(ari?.directories ?? {}).map(([issuer, url]): [string, string] => [
    KEY_ID.test(issuer) ? issuer.replaceAll(':', '').toLowerCase() : issuer,
    url,
  ]);
  return { aia, crl, ocsp, names, ari: new Map(directories), allow: allow.map(parseAllowance) };
}
