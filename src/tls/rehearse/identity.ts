import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import type { SecureContext } from 'node:tls';

import { CertificateError, parseCertificate, type Certificate } from '../../certificate/certificate.ts';
import { readContainer } from '../../certificate/container.ts';
import type { ContainerProblem } from '../../certificate/part.ts';
import { isPrivateKey, readPem } from '../../certificate/pem.ts';
import { codeOf } from '../../network/failure.ts';
import { rehearsalContext } from './context.ts';
import { presentedChain } from './presented-chain.ts';

/** Certificates of one identity; a chain has a handful. */
const MAX_CHAIN = 100;

/** A client certificate with its key, ready to be shown to a server. */
export interface ClientIdentity {
  /** The client's certificate and what is sent behind it, in order. */
  readonly chain: readonly [Certificate, ...Certificate[]];
  /** Holds the key: shown to nobody but the servers that it is meant for. */
  readonly context: SecureContext;
}

/** Why an identity cannot be used: each is also one of the plugin's reasons. */
export type IdentityFault = ContainerProblem;

/** An identity that cannot be used. The text completes "the file …" and never holds a secret. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError';
  readonly reason: IdentityFault;
  /** Which of the given parts is at fault. */
  readonly part: 'certificate' | 'key' | 'keystore';
  /** The certificates, when they could be read all the same. */
  readonly chain: readonly Certificate[];
  /** What is known of the key beside them: it belongs to another certificate, or could not be opened. */
  readonly keyMatch: 'no' | 'encrypted' | undefined;

  constructor(
    reason: IdentityFault,
    part: IdentityError['part'],
    detail: string,
    options: ErrorOptions & { readonly chain?: readonly Certificate[]; readonly keyMatch?: 'no' | 'encrypted' } = {},
  ) {
    super(detail, options);
    this.reason = reason;
    this.part = part;
    this.chain = options.chain ?? [];
    this.keyMatch = options.keyMatch;
  }
}

/**
 * An identity from its certificate, followed by the intermediates to send, and its private key in PEM. The passwords
 * are for a key that is encrypted: they are tried in turn. Throws IdentityError.
 */
export function identityFromPem(
  certificates: Uint8Array,
  key: Uint8Array,
  passwords: readonly string[] = [],
): ClientIdentity {
  const chain = readChain(certificates);
  const privateKey = readKey(key, passwords, chain);
  try {
    // OpenSSL keeps one certificate and one key of each type, and would not mind a key of another type.
    if (!new X509Certificate(chain[0].der).checkPrivateKey(privateKey)) throw foreignKey(chain);
    const cert = chain.map(({ der }) => pemOf(der)).join('');
    const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    return { chain, context: rehearsalContext({ cert, key: keyPem }) };
  } catch (error) {
    if (error instanceof IdentityError) throw error;
    const detail = `cannot be shown to a server: OpenSSL says ${codeOf(error) ?? 'nothing more'}`;
    throw new IdentityError('malformed', 'certificate', detail, { cause: error, chain });
  }
}

function foreignKey(chain: readonly Certificate[]): IdentityError {
  const detail = 'does not belong to the client certificate, the first of its file';
  return new IdentityError('malformed', 'key', detail, { chain, keyMatch: 'no' });
}

/** An identity from a PKCS#12 keystore. The passwords are tried in turn; without any, no password is. Throws IdentityError. */
export async function identityFromPkcs12(
  keystore: Uint8Array,
  passwords: readonly string[],
  signal: AbortSignal,
): Promise<ClientIdentity> {
  const context = openKeystore(Buffer.from(keystore), passwords);
  try {
    const [leaf, ...others] = (await presentedChain(context, signal)).map((der) => parseCertificate(der));
    if (leaf !== undefined) return { chain: [leaf, ...others], context };
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    throw new IdentityError('malformed', 'keystore', `holds a certificate that cannot be read: ${error.message}`, {
      cause: error,
    });
  }
  throw new IdentityError('unsupported', 'keystore', 'holds an identity that cannot be used in TLS 1.2 or 1.3');
}

function readChain(bytes: Uint8Array): [Certificate, ...Certificate[]] {
  const { parts } = readContainer(bytes);
  const problem = parts.find((part) => part.kind === 'problem');
  if (problem !== undefined) {
    throw new IdentityError(problem.problem, 'certificate', `cannot be read: ${problem.detail}`);
  }
  const [leaf, ...others] = parts.flatMap((part) => (part.kind === 'certificate' ? [part.certificate] : []));
  if (leaf === undefined) throw new IdentityError('empty', 'certificate', 'holds no certificate');
  if (others.length >= MAX_CHAIN) {
    throw new IdentityError('malformed', 'certificate', `holds more than ${MAX_CHAIN} certificates, which is no chain`);
  }
  return [leaf, ...others];
}

function readKey(bytes: Uint8Array, passwords: readonly string[], chain: readonly Certificate[]): KeyObject {
  const block = readPem(bytes).find(({ label }) => isPrivateKey(label));
  if (block === undefined) {
    throw new IdentityError('malformed', 'key', 'holds no private key in PEM (-----BEGIN PRIVATE KEY-----)', { chain });
  }
  const key = Buffer.from(bytes);
  if (!block.encrypted) {
    try {
      return createPrivateKey({ key, format: 'pem' });
    } catch (error) {
      const detail = `holds a private key that cannot be read: OpenSSL says ${codeOf(error) ?? 'nothing more'}`;
      throw new IdentityError('malformed', 'key', detail, { cause: error, chain });
    }
  }
  for (const passphrase of passwords) {
    try {
      return createPrivateKey({ key, format: 'pem', passphrase });
    } catch {
      // The next one may be it. OpenSSL's reasons do not tell a wrong password from a damaged key.
    }
  }
  const detail =
    passwords.length === 0 ? 'is encrypted and no password is given' : 'cannot be opened with the password';
  throw new IdentityError('wrong_password', 'key', detail, { chain, keyMatch: 'encrypted' });
}

function openKeystore(pfx: Buffer, passwords: readonly string[]): SecureContext {
  for (const passphrase of passwords.length === 0 ? [''] : passwords) {
    try {
      return rehearsalContext({ pfx, passphrase });
    } catch (error) {
      const message = error instanceof Error ? error.message : '';
      if (/mac verify failure/i.test(message)) continue;
      if (/unsupported/i.test(message)) {
        throw new IdentityError(
          'unsupported',
          'keystore',
          'is encrypted with RC2 or another old cipher; export it anew with AES',
          { cause: error },
        );
      }
      if (/private key/i.test(message)) {
        throw new IdentityError('empty', 'keystore', 'holds no private key', { cause: error });
      }
      throw new IdentityError('malformed', 'keystore', 'is not a PKCS#12 keystore, or is damaged', { cause: error });
    }
  }
  const detail = passwords.length === 0 ? 'needs a password and none is given' : 'cannot be opened with the password';
  throw new IdentityError('wrong_password', 'keystore', detail);
}

function pemOf(der: Uint8Array): string {
  const base64 = Buffer.from(der)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${base64}-----END CERTIFICATE-----\n`;
}
