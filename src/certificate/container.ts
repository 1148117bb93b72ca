import { CertificateError, parseCertificate, type Certificate, type RevocationList } from './certificate.ts';
import { elementLength } from './der.ts';
import { decodeBase64, isPrivateKey, readPem, type PemBlock } from './pem.ts';
import { parseRevocationList } from './revocation-list.ts';
import { sniff } from './sniff.ts';

/** One thing found in a file. `index` is its rank among everything that the file holds. */
export type ContainerPart = { readonly index: number } & (
  | {
      readonly kind: 'certificate';
      readonly certificate: Certificate;
      /** A fault around the certificate that was mended, though OpenSSL refuses the file for it. */
      readonly mended?: string;
    }
  | { readonly kind: 'crl'; readonly crl: RevocationList; readonly mended?: string }
  /** A private key lies here. It is not kept. */
  | { readonly kind: 'private-key'; readonly encrypted: boolean }
  | {
      readonly kind: 'problem';
      readonly problem: 'malformed' | 'empty' | 'unsupported';
      readonly detail: string;
    }
);

type Part = ContainerPart extends infer Each ? (Each extends ContainerPart ? Omit<Each, 'index'> : never) : never;

const CERTIFICATE_LABELS = new Set(['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE']);
const CRL_LABELS = new Set(['X509 CRL', 'CRL']);
const CONTAINER_LABELS: Readonly<Record<string, string>> = { PKCS7: 'PKCS#7', CMS: 'PKCS#7', PKCS12: 'PKCS#12' };

/** Structures behind one another in one binary file. */
const MAX_ELEMENTS = 10_000;
/** Base64 of base64 of PEM has been seen; more has not. */
const MAX_WRAPPINGS = 2;

/**
 * What a file holds, by its content and never by its name: PEM, DER certificates and revocation lists (also several
 * behind one another), bare base64 of these. Keystores are recognised and reported as `unsupported`. An empty result
 * means that nothing in it is ours to read. Never throws.
 */
export function readContainer(bytes: Uint8Array): ContainerPart[] {
  return readParts(bytes, 0).map((part, index) => Object.assign(part, { index }));
}

function readParts(bytes: Uint8Array, wrappings: number): Part[] {
  if (isBlank(bytes)) return [problem('empty', 'the file is empty')];
  const format = sniff(bytes);
  switch (format) {
    case 'certificate':
    case 'crl':
      return readElements(bytes);
    case 'private-key':
      return [{ kind: 'private-key', encrypted: false }];
    case 'encrypted-private-key':
      return [{ kind: 'private-key', encrypted: true }];
    case 'request':
    case 'public-key':
      return [];
    case 'pkcs12':
      return [problem('unsupported', 'PKCS#12')];
    case 'pkcs7':
      return [problem('unsupported', 'PKCS#7')];
    case 'jks':
      return [problem('unsupported', 'JKS')];
    case 'jceks':
      return [problem('unsupported', 'JCEKS')];
    case undefined: {
      const blocks = readPem(bytes);
      if (blocks.length > 0) return blocks.flatMap(readBlock);
      const unwrapped = wrappings < MAX_WRAPPINGS ? unwrapBase64(bytes) : undefined;
      return unwrapped === undefined ? [] : readParts(unwrapped, wrappings + 1);
    }
  }
}

/** White space and NULs only. */
function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((octet) => octet === 0 || octet === 0x20 || (octet >= 0x09 && octet <= 0x0d));
}

/** Certificates and revocation lists that follow one another. */
function readElements(bytes: Uint8Array): Part[] {
  const parts: Part[] = [];
  let rest = bytes;
  while (!isBlank(rest)) {
    const format = sniff(rest);
    if (format !== 'certificate' && format !== 'crl') {
      parts.push(problem('malformed', `${rest.length} bytes behind the last structure are not understood`));
      break;
    }
    if (parts.length >= MAX_ELEMENTS) {
      parts.push(problem('malformed', `there are more than ${MAX_ELEMENTS} structures; the rest was not read`));
      break;
    }
    const length = elementLength(rest) ?? rest.length;
    parts.push(format === 'crl' ? crlPart(rest.subarray(0, length)) : certificatePart(rest.subarray(0, length)));
    rest = rest.subarray(length);
  }
  return parts;
}

function readBlock(block: PemBlock): Part[] {
  if (isPrivateKey(block.label)) return [{ kind: 'private-key', encrypted: block.encrypted }];
  const isCertificate = CERTIFICATE_LABELS.has(block.label);
  const isCrl = CRL_LABELS.has(block.label);
  const where = block.label === '' ? `line ${block.line}` : `${block.label} in line ${block.line}`;
  const container = CONTAINER_LABELS[block.label];
  if (container !== undefined) return [problem('unsupported', `${container} in line ${block.line}`)];
  if (!isCertificate && !isCrl && block.label !== '') return [];
  if (block.problem !== undefined) return [problem(block.problem.kind, `${where}: ${block.problem.detail}`)];
  // What OpenSSL appends to a TRUSTED CERTIFICATE is no part of it.
  const der = block.der.subarray(0, elementLength(block.der) ?? block.der.length);
  const mended =
    der.length < block.der.length && block.label !== 'TRUSTED CERTIFICATE'
      ? [block.mended, 'bytes follow the structure'].filter((fault) => fault !== undefined).join('; ')
      : block.mended;
  return [isCrl ? crlPart(der, mended, where) : certificatePart(der, mended, where)];
}

function certificatePart(der: Uint8Array, mended?: string, where?: string): Part {
  try {
    const certificate = parseCertificate(der);
    return { kind: 'certificate', certificate, ...(mended === undefined ? {} : { mended }) };
  } catch (error) {
    return malformed(error, where);
  }
}

function crlPart(der: Uint8Array, mended?: string, where?: string): Part {
  try {
    return { kind: 'crl', crl: parseRevocationList(der), ...(mended === undefined ? {} : { mended }) };
  } catch (error) {
    return malformed(error, where);
  }
}

function malformed(error: unknown, where: string | undefined): Part {
  if (!(error instanceof CertificateError)) throw error;
  return problem('malformed', where === undefined ? error.message : `${where}: ${error.message}`);
}

function problem(kind: 'malformed' | 'empty' | 'unsupported', detail: string): Part {
  return { kind: 'problem', problem: kind, detail };
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
