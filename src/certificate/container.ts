import { elementLength } from './der.ts';
import { readBks } from './keystore/bks.ts';
import { readJks } from './keystore/jks.ts';
import { Keyring } from './keystore/keyring.ts';
import { readPkcs12 } from './keystore/pkcs12.ts';
import {
  certificatePart,
  crlPart,
  MAX_PARTS,
  problemPart,
  tooManyParts,
  type ContainerPart,
  type Part,
} from './part.ts';
import { decodeBase64, isPrivateKey, readPem, type PemBlock } from './pem.ts';
import { readPkcs7 } from './pkcs7.ts';
import { encryptedKeyPart, privateKeyPart } from './private-key.ts';
import { sniff } from './sniff.ts';

/** What the file as a whole is; `der` for certificates, lists and keys as they are. */
export type ContainerFormat = 'pem' | 'der' | 'pkcs7' | 'pkcs12' | 'jks' | 'jceks' | 'bks' | 'uber' | 'bcfks';

export interface Container {
  /** Absent when nothing in the file is of our world. */
  readonly format: ContainerFormat | undefined;
  /** Empty when the file holds neither certificates nor keys: a request, parameters, or something else altogether. */
  readonly parts: readonly ContainerPart[];
}

export interface ReadOptions {
  /**
   * For keystores and encrypted keys: tried in turn, and behind them the empty password and Java's `changeit`.
   * None of them is ever part of a result.
   */
  readonly passwords?: readonly string[];
  /**
   * The most that key derivations may cost, in milliseconds of one core as estimated before they are made; what would
   * exceed it is a problem `too_costly` with its `costMs`. Default 100, which suits a thread that has other things to do.
   */
  readonly maxCostMs?: number;
}

const CERTIFICATE_LABELS = new Set(['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE']);
const CRL_LABELS = new Set(['X509 CRL', 'CRL']);
const PKCS7_LABELS = new Set(['PKCS7', 'CMS', 'PKCS #7 SIGNED DATA']);

const DEFAULT_COST_MS = 100;
/** Base64 of base64 of PEM has been seen; more has not. */
const MAX_WRAPPINGS = 2;

/** Before the parts have their ranks. */
interface Contents {
  readonly format: ContainerFormat | undefined;
  readonly parts: readonly Part[];
}

/**
 * What a file holds, by its content and never by its name: PEM, DER certificates, revocation lists and keys (also several
 * behind one another), PKCS#7, PKCS#12, JKS, JCEKS and BKS, and bare base64 of these; UBER and BCFKS are known but not
 * supported. Never throws.
 */
export function readContainer(
  bytes: Uint8Array,
  { passwords = [], maxCostMs = DEFAULT_COST_MS }: ReadOptions = {},
): Container {
  const { format, parts } = readContents(bytes, new Keyring(passwords, maxCostMs), 0);
  return { format, parts: parts.map((part, index) => ({ ...part, index })) };
}

function readContents(bytes: Uint8Array, keyring: Keyring, wrappings: number): Contents {
  if (isBlank(bytes)) return { format: undefined, parts: [problemPart('empty', 'the file is empty')] };
  const format = sniff(bytes);
  switch (format) {
    case 'certificate':
    case 'crl':
      return { format: 'der', parts: readElements(bytes) };
    case 'private-key':
      return { format: 'der', parts: [privateKeyPart(bytes)] };
    case 'encrypted-private-key':
      return { format: 'der', parts: [encryptedKeyPart(bytes, keyring)] };
    case 'request':
    case 'public-key':
      return { format: 'der', parts: [] };
    case 'pkcs12':
      return { format, parts: readPkcs12(bytes, keyring) };
    case 'pkcs7':
      return { format, parts: readPkcs7(bytes) };
    case 'jks':
    case 'jceks':
      return { format, parts: readJks(bytes, keyring) };
    case 'bks': {
      const parts = readBks(bytes, keyring);
      return parts === undefined ? { format: 'uber', parts: [problemPart('unsupported', 'UBER')] } : { format, parts };
    }
    case 'bcfks':
      return { format, parts: [problemPart('unsupported', 'BCFKS')] };
    case undefined: {
      const blocks = readPem(bytes);
      if (blocks.length > 0) return { format: 'pem', parts: blocks.flatMap((block) => readBlock(block, keyring)) };
      const unwrapped = wrappings < MAX_WRAPPINGS ? unwrapBase64(bytes) : undefined;
      return unwrapped === undefined ? { format, parts: [] } : readContents(unwrapped, keyring, wrappings + 1);
    }
  }
}

/** White space and NULs only. */
function isBlank(bytes: Uint8Array): boolean {
  for (const octet of bytes) if (octet !== 0 && octet !== 0x20 && (octet < 0x09 || octet > 0x0d)) return false;
  return true;
}

/** Certificates and revocation lists that follow one another. */
function readElements(bytes: Uint8Array): Part[] {
  const parts: Part[] = [];
  let rest = bytes;
  while (!isBlank(rest)) {
    const format = sniff(rest);
    if (format !== 'certificate' && format !== 'crl') {
      parts.push(problemPart('malformed', `${rest.length} bytes behind the last structure are not understood`));
      break;
    }
    if (parts.length >= MAX_PARTS) {
      parts.push(tooManyParts('structures'));
      break;
    }
    const length = elementLength(rest) ?? rest.length;
    parts.push(format === 'crl' ? crlPart(rest.subarray(0, length)) : certificatePart(rest.subarray(0, length)));
    rest = rest.subarray(length);
  }
  return parts;
}

function readBlock(block: PemBlock, keyring: Keyring): readonly Part[] {
  if (isPrivateKey(block.label)) return [readKeyBlock(block, keyring)];
  const isCertificate = CERTIFICATE_LABELS.has(block.label);
  const isCrl = CRL_LABELS.has(block.label);
  const isPkcs7 = PKCS7_LABELS.has(block.label);
  const where = block.label === '' ? `line ${block.line}` : `${block.label} in line ${block.line}`;
  if (!isCertificate && !isCrl && !isPkcs7 && block.label !== '') return [];
  if (block.problem !== undefined) return [problemPart(block.problem.kind, `${where}: ${block.problem.detail}`)];
  // Some programs write a whole bundle under the label of a certificate.
  if (isPkcs7 || (isCertificate && sniff(block.der) === 'pkcs7')) return readPkcs7(block.der, where);
  // What OpenSSL appends to a TRUSTED CERTIFICATE is no part of it.
  const der = block.der.subarray(0, elementLength(block.der) ?? block.der.length);
  const mended =
    der.length < block.der.length && block.label !== 'TRUSTED CERTIFICATE'
      ? [block.mended, 'bytes follow the structure'].filter((fault) => fault !== undefined).join('; ')
      : block.mended;
  return [isCrl ? crlPart(der, { mended }, where) : certificatePart(der, { mended }, where)];
}

function readKeyBlock({ der, encrypted, keyId }: PemBlock, keyring: Keyring): Part {
  if (encrypted) return der.length === 0 ? { kind: 'private-key', encrypted } : encryptedKeyPart(der, keyring);
  return keyId === undefined ? { kind: 'private-key', encrypted } : { kind: 'private-key', encrypted, keyId };
}

/** The bytes behind a text that is base64 throughout; `undefined` when it is something else. */
function unwrapBase64(bytes: Uint8Array): Uint8Array | undefined {
  // The first bytes tell: MI begins every SEQUENCE of some length, LS0t a dash.
  const start = Buffer.from(bytes.subarray(0, 64))
    .toString('latin1')
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .trimStart();
  if (!/^(?:MI|LS0t|TUl|TFMw)/.test(start)) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  return decodeBase64(text.replace(/^\u00ef\u00bb\u00bf/, '').replace(/[\s\0]+/g, ''));
}
