import { z } from 'zod';

/** Whom the clients of some endpoints trust; what is absent is as the config says for all, by itself everything. */
export interface TrustOptions {
  /** The store of the operating system, and what NODE_EXTRA_CA_CERTS names. */
  readonly system?: boolean;
  /** The roots of Mozilla, as Node brings them. */
  readonly mozilla?: boolean;
  /** Files with certificates, each of which is trusted by itself. */
  readonly caFiles?: readonly string[];
}

/** A certificate by its serial number, which is unique per issuer only. */
export interface PinnedSerial {
  /** Upper-case hex without leading zeros. */
  readonly serial: string;
  /** RFC 4514. */
  readonly issuer: string;
}

/** What an endpoint may serve: of each kind that is given, the server's certificate must be one of the list. */
export interface Pins {
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprints?: readonly string[];
  readonly serials?: readonly PinnedSerial[];
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex. */
  readonly publicKeys?: readonly string[];
  /** Names of issuing CAs, RFC 4514. */
  readonly issuers?: readonly string[];
}

/** What a source asks of the endpoints that it sees, for the host to judge. */
export interface Demands {
  readonly trust?: TrustOptions;
  readonly pins?: Pins;
}

/** Certificates in one file are few; files are read at the start and when they change. */
const MAX_FILES = 100;
const MAX_PINS = 1_000;

/** `trust:` of an endpoint source, and of the whole config. */
export const trustOption = z
  .strictObject({
    system: z
      .boolean()
      .optional()
      .describe('Trust the store of the operating system and NODE_EXTRA_CA_CERTS. Default true.'),
    mozilla: z.boolean().optional().describe("Trust Mozilla's roots, as Node brings them. Default true."),
    ca_files: z
      .array(z.string().min(1))
      .max(MAX_FILES)
      .optional()
      .describe('Files with CA certificates (PEM or DER) that the clients trust besides. Read anew when they change.'),
  })
  .transform(({ system, mozilla, ca_files: caFiles }): TrustOptions => ({
    ...(system === undefined ? {} : { system }),
    ...(mozilla === undefined ? {} : { mozilla }),
    ...(caFiles === undefined ? {} : { caFiles }),
  }));

const hash = z
  .string()
  .regex(
    /^(?:[0-9a-fA-F]{64}|(?:[0-9a-fA-F]{2}:){31}[0-9a-fA-F]{2})$/,
    'a SHA-256 in hex, 64 digits with or without colons',
  );

const keyHash = z
  .string()
  .regex(
    /^(?:(?:sha256\/)?[0-9A-Za-z+/]{43}=|[0-9a-fA-F]{64}|(?:[0-9a-fA-F]{2}:){31}[0-9a-fA-F]{2})$/,
    'a SHA-256 of a public key in base64 (44 characters) or hex (64 digits)',
  );

const serial = z.strictObject({
  serial: z
    .string()
    .regex(/^[0-9a-fA-F]{1,2}(?::?[0-9a-fA-F]{1,2}){0,63}$/, 'a serial number in hex, with or without colons')
    .describe('Hex, as "notafter explain" and openssl show it.'),
  issuer: z.string().min(1).describe('The issuing CA, as "notafter explain" shows it: CN=Example CA,O=Example.'),
});

/** `pins:` of an endpoint source. */
export const pinsOption = z
  .strictObject({
    fingerprints: z
      .array(hash)
      .min(1)
      .max(MAX_PINS)
      .optional()
      .describe('SHA-256 fingerprints of allowed certificates.'),
    serials: z.array(serial).min(1).max(MAX_PINS).optional().describe('Serial numbers of allowed certificates.'),
    public_keys: z
      .array(keyHash)
      .min(1)
      .max(MAX_PINS)
      .optional()
      .describe('SHA-256 of allowed public keys (SubjectPublicKeyInfo), base64 or hex.'),
    issuers: z
      .array(z.string().min(1))
      .min(1)
      .max(MAX_PINS)
      .optional()
      .describe('Names of allowed issuing CAs, as "notafter explain" shows them: CN=Example CA,O=Example.'),
  })
  .transform(({ fingerprints, serials, public_keys: keys, issuers }): Pins => ({
    ...(fingerprints === undefined ? {} : { fingerprints: fingerprints.map((text) => plainHex(text)) }),
    ...(serials === undefined
      ? {}
      : { serials: serials.map((one) => ({ serial: plainSerial(one.serial), issuer: one.issuer })) }),
    ...(keys === undefined ? {} : { publicKeys: keys.map((text) => keyHex(text)) }),
    ...(issuers === undefined ? {} : { issuers }),
  }));

/** A serial number as pins are compared: upper-case hex without colons and leading zeros. */
export function plainSerial(text: string): string {
  return text
    .replaceAll(':', '')
    .toUpperCase()
    .replace(/^0+(?=.)/, '');
}

function plainHex(text: string): string {
  return text.replaceAll(':', '').toLowerCase();
}

function keyHex(text: string): string {
  return text.endsWith('=') ? Buffer.from(text.replace(/^sha256\//, ''), 'base64').toString('hex') : plainHex(text);
}
