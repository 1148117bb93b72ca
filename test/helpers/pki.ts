import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import {
  TAG,
  bitString,
  encode,
  explicit,
  implicit,
  integer,
  integerOctets,
  oid,
  pem,
  rdn,
  sequence,
  time,
} from './der.ts';

const DAY_MS = 86_400_000;

/** A TIME as it is: the tag (0x17 UTCTime, 0x18 GeneralizedTime) and the text. */
export interface RawTime {
  readonly tag: number;
  readonly text: string;
}

export interface TestCertificate {
  readonly der: Uint8Array;
  readonly pem: string;
  /** The private key. */
  readonly key: KeyObject;
  /** The private key, PKCS#8 PEM. */
  readonly keyPem: string;
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string;
  /** This certificate and every issuing authority below the root, as a server is configured. */
  readonly chainPem: string;
}

export interface IssueOptions {
  /** Default: the first of `names`. */
  readonly commonName?: string;
  readonly organization?: string;
  /** DNS names and IP literals; default `localhost` and `127.0.0.1` for a leaf, none for a CA. `[]` leaves the extension out. */
  readonly names?: readonly string[];
  /** Default: an hour ago. */
  readonly notBefore?: Date | RawTime;
  /** Default: 90 days from now for a leaf, 3650 for a CA. */
  readonly notAfter?: Date | RawTime;
  /** Default for a leaf: both. `[]` leaves the extension out. */
  readonly extendedKeyUsage?: readonly ('serverAuth' | 'clientAuth' | (string & {}))[];
  readonly ca?: boolean;
  readonly pathLength?: number;
  readonly keyType?: 'ec' | 'rsa' | 'ed25519';
  /** A private key to use instead of a new one. */
  readonly key?: KeyObject;
  /** Content octets of the serial INTEGER, as they are. */
  readonly serial?: Uint8Array;
  readonly ocspUrls?: readonly string[];
  readonly issuerUrls?: readonly string[];
  readonly crlUrls?: readonly string[];
  readonly mustStaple?: boolean;

  /** DER of the whole subject name. */
  readonly subject?: Uint8Array;
  /** DER of the whole issuer name. */
  readonly issuer?: Uint8Array;
  /** The encoded version number (2 is v3); `null` leaves it out. */
  readonly version?: number | null;
  /** Encoded GeneralNames in place of `names`. */
  readonly rawNames?: readonly Uint8Array[];
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKeyInfo?: Uint8Array;
  /** `null` leaves the extension out. */
  readonly subjectKeyId?: Uint8Array | null;
  /** `null` leaves the extension out. */
  readonly authorityKeyId?: Uint8Array | null;
  /** All extensions, encoded, in place of the usual ones; `null` leaves the field out. */
  readonly extensions?: readonly Uint8Array[] | null;
  /** More extensions, encoded, behind the usual ones. */
  readonly extraExtensions?: readonly Uint8Array[];
  /** DER of the AlgorithmIdentifier inside the signed part. */
  readonly innerAlgorithm?: Uint8Array;
  /** DER of the AlgorithmIdentifier outside the signed part. */
  readonly outerAlgorithm?: Uint8Array;
  /** Octets behind the certificate. */
  readonly trailing?: Uint8Array;
}

export interface AuthorityOptions extends IssueOptions {
  /** The common name; default a new one. */
  readonly name?: string;
  /** Lifetime from now, instead of `notAfter`. */
  readonly days?: number;
  /** The authority that signs this one; default itself. */
  readonly parent?: Authority;
}

export interface Authority {
  readonly certificate: TestCertificate;
  readonly key: KeyObject;
  /** DER of the subject name. */
  readonly subject: Uint8Array;
  /** `undefined` when the extension was left out. */
  readonly subjectKeyId: Uint8Array | undefined;
  readonly parent: Authority | undefined;
  issue(options?: IssueOptions): TestCertificate;
}

export interface CrlOptions {
  readonly thisUpdate?: Date | RawTime;
  /** Default: 7 days from now; `null` leaves it out. */
  readonly nextUpdate?: Date | RawTime | null;
  /** Default 1; `null` leaves the extension out. */
  readonly number?: number | null;
  /** Serial content octets of the revoked certificates. */
  readonly revoked?: readonly Uint8Array[];
  /** Encoded entries before those, as they are. */
  readonly rawEntries?: Uint8Array;
  /** Extensions of each entry, encoded. */
  readonly entryExtensions?: readonly Uint8Array[];
  /** More extensions of the list, encoded, behind the usual ones. */
  readonly extraExtensions?: readonly Uint8Array[];
}

const EXTENDED_KEY_USAGE: Readonly<Record<string, string>> = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
};

/** An encoded X.509 extension; `value` is what lies in the OCTET STRING. */
export function extension(id: string, value: Uint8Array, critical = false): Buffer {
  const flag = critical ? [encode(TAG.boolean, Buffer.from([0xff]))] : [];
  return sequence(oid(id), ...flag, encode(TAG.octetString, value));
}

/** A name of one common name (and an organization before it). */
export function nameOf(commonName: string, organization?: string): Buffer {
  const organizationRdn = organization === undefined ? [] : [rdn('2.5.4.10', organization)];
  return sequence(...organizationRdn, rdn('2.5.4.3', commonName));
}

/** GeneralName of a DNS name or an IP literal. */
export function generalName(name: string): Buffer {
  switch (isIP(name)) {
    case 4:
      return implicit(7, Buffer.from(name.split('.').map(Number)));
    case 6:
      return implicit(7, ipv6Octets(name));
    default:
      return implicit(2, name);
  }
}

function ipv6Octets(address: string): Buffer {
  const [head = '', tail] = address.split('::');
  const left = ipv6Groups(head);
  const right = ipv6Groups(tail ?? '');
  const all = [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function ipv6Groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => parseInt(group, 16));
}

// RSA keys take a tenth of a second each, so a few are made once and handed out in turn.
const rsaKeys: KeyObject[] = [];
let rsaKeysUsed = 0;

/** A private key: a new one, but for RSA one of three that are used in turn. */
export function createKey(type: 'ec' | 'rsa' | 'ed25519' = 'ec'): KeyObject {
  switch (type) {
    case 'ec':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey;
    case 'rsa': {
      const index = rsaKeysUsed++ % 3;
      return (rsaKeys[index] ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);
    }
  }
}

function algorithmOf(key: KeyObject): { identifier: Buffer; digest: 'sha256' | null } {
  switch (key.asymmetricKeyType) {
    case 'ec':
      return { identifier: sequence(oid('1.2.840.10045.4.3.2')), digest: 'sha256' };
    case 'rsa':
      return { identifier: sequence(oid('1.2.840.113549.1.1.11'), encode(TAG.null)), digest: 'sha256' };
    case 'ed25519':
      return { identifier: sequence(oid('1.3.101.112')), digest: null };
    default:
      throw new Error(`no signature algorithm for a key of type ${String(key.asymmetricKeyType)}`);
  }
}

function spkiOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' });
}

function keyIdOf(spki: Uint8Array): Buffer {
  return createHash('sha1').update(spki).digest();
}

function timeOf(value: Date | RawTime): Buffer {
  return value instanceof Date ? time(value) : encode(value.tag, value.text);
}

function newSerial(): Buffer {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial;
}

interface Signer {
  readonly key: KeyObject;
  readonly subject: Uint8Array;
  readonly keyId: Uint8Array | undefined;
  /** PEM of the issuing authorities below the root, nearest first. */
  readonly chainPem: string;
}

function subjectOf(options: IssueOptions): Uint8Array {
  return options.subject ?? nameOf(options.commonName ?? namesOf(options)[0] ?? 'odd', options.organization);
}

function namesOf(options: IssueOptions): readonly string[] {
  return options.names ?? (options.ca === true ? [] : ['localhost', '127.0.0.1']);
}

function usualExtensions(options: IssueOptions, spki: Uint8Array, authorityKeyId: Uint8Array | undefined): Buffer[] {
  const list: Buffer[] = [];
  const isCa = options.ca === true;
  const constraints = isCa ? [encode(TAG.boolean, Buffer.from([0xff]))] : [];
  if (options.pathLength !== undefined) constraints.push(integer(options.pathLength));
  list.push(extension('2.5.29.19', sequence(...constraints), true));
  list.push(extension('2.5.29.15', isCa ? bitString(Buffer.from([0x06]), 1) : bitString(Buffer.from([0xa0]), 5), true));
  const usage = options.extendedKeyUsage ?? (isCa ? [] : ['serverAuth', 'clientAuth']);
  if (usage.length > 0) {
    list.push(extension('2.5.29.37', sequence(...usage.map((id) => oid(EXTENDED_KEY_USAGE[id] ?? id)))));
  }
  const names = options.rawNames ?? namesOf(options).map(generalName);
  if (names.length > 0 || options.rawNames !== undefined) {
    list.push(extension('2.5.29.17', sequence(Buffer.concat(names))));
  }
  if (options.subjectKeyId !== null) {
    list.push(extension('2.5.29.14', encode(TAG.octetString, options.subjectKeyId ?? keyIdOf(spki))));
  }
  if (authorityKeyId !== undefined) list.push(extension('2.5.29.35', sequence(implicit(0, authorityKeyId))));
  const access = [
    ...(options.ocspUrls ?? []).map((url) => sequence(oid('1.3.6.1.5.5.7.48.1'), implicit(6, url))),
    ...(options.issuerUrls ?? []).map((url) => sequence(oid('1.3.6.1.5.5.7.48.2'), implicit(6, url))),
  ];
  if (access.length > 0) list.push(extension('1.3.6.1.5.5.7.1.1', sequence(...access)));
  const points = (options.crlUrls ?? []).map((url) => sequence(explicit(0, explicit(0, implicit(6, url)))));
  if (points.length > 0) list.push(extension('2.5.29.31', sequence(...points)));
  if (options.mustStaple === true) list.push(extension('1.3.6.1.5.5.7.1.24', sequence(integer(5))));
  return list;
}

function certify(options: IssueOptions, key: KeyObject, signer: Signer): TestCertificate {
  const spki = options.publicKeyInfo ?? spkiOf(key);
  const algorithm = algorithmOf(signer.key);
  const authorityKeyId = options.authorityKeyId === null ? undefined : (options.authorityKeyId ?? signer.keyId);
  const extensions =
    options.extensions === null
      ? undefined
      : [...(options.extensions ?? usualExtensions(options, spki, authorityKeyId)), ...(options.extraExtensions ?? [])];
  const now = Date.now();
  const lifeMs = (options.ca === true ? 3650 : 90) * DAY_MS;
  const version = options.version === undefined ? 2 : options.version;
  const tbs = sequence(
    ...(version === null ? [] : [explicit(0, integer(version))]),
    integerOctets(options.serial ?? newSerial()),
    options.innerAlgorithm ?? algorithm.identifier,
    options.issuer ?? signer.subject,
    sequence(
      timeOf(options.notBefore ?? new Date(now - 3_600_000)),
      timeOf(options.notAfter ?? new Date(now + lifeMs)),
    ),
    subjectOf(options),
    spki,
    ...(extensions === undefined ? [] : [explicit(3, sequence(...extensions))]),
  );
  const signature = sign(algorithm.digest, tbs, signer.key);
  const certificate = sequence(tbs, options.outerAlgorithm ?? algorithm.identifier, bitString(signature));
  const der = new Uint8Array(Buffer.concat([certificate, options.trailing ?? new Uint8Array()]));
  const text = pem('CERTIFICATE', der);
  return {
    der,
    pem: text,
    key,
    keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    fingerprint: createHash('sha256').update(der).digest('hex'),
    chainPem: text + signer.chainPem,
  };
}

function certifyBySelf(options: IssueOptions): TestCertificate {
  const key = options.key ?? createKey(options.keyType);
  const spki = options.publicKeyInfo ?? spkiOf(key);
  const keyId = options.subjectKeyId === null ? undefined : (options.subjectKeyId ?? keyIdOf(spki));
  return certify(options, key, { key, subject: subjectOf(options), keyId, chainPem: '' });
}

let authoritiesMade = 0;

/**
 * A CA that issues. Without a `parent` it is a root. Give two authorities the same `name` and `key` for cross-signs and
 * renewed CAs.
 */
export function createAuthority(options: AuthorityOptions = {}): Authority {
  const { name, days, parent, ...rest } = options;
  authoritiesMade += 1;
  const notAfter = days === undefined ? {} : { notAfter: new Date(Date.now() + days * DAY_MS) };
  const key = rest.key ?? createKey(rest.keyType);
  const issueOptions: IssueOptions = {
    commonName: name ?? `Test CA ${authoritiesMade}`,
    ca: true,
    ...notAfter,
    ...rest,
    key,
  };
  const certificate = parent === undefined ? certifyBySelf(issueOptions) : parent.issue(issueOptions);
  const subject = subjectOf(issueOptions);
  const spki = issueOptions.publicKeyInfo ?? spkiOf(key);
  const subjectKeyId = issueOptions.subjectKeyId === null ? undefined : (issueOptions.subjectKeyId ?? keyIdOf(spki));
  const signer: Signer = {
    key,
    subject,
    keyId: subjectKeyId,
    chainPem: parent === undefined ? '' : certificate.chainPem,
  };
  return {
    certificate,
    key,
    subject,
    subjectKeyId,
    parent,
    issue: (leaf = {}) => certify(leaf, leaf.key ?? createKey(leaf.keyType), signer),
  };
}

/** A certificate signed by its own key; a leaf unless `ca` is set. */
export function selfSigned(options: IssueOptions = {}): TestCertificate {
  return certifyBySelf(options);
}

/**
 * An odd certificate with short defaults: subject CN=odd, issuer CN=iss, serial 01 02 03, from 2025-01-01 to 2027-01-01
 * (UTCTime), signed by its own key. Every option overrides.
 */
export function rawCertificate(options: IssueOptions = {}): TestCertificate {
  return certifyBySelf({
    subject: nameOf('odd'),
    issuer: nameOf('iss'),
    serial: Buffer.from([1, 2, 3]),
    notBefore: { tag: TAG.utcTime, text: '250101000000Z' },
    notAfter: { tag: TAG.utcTime, text: '270101000000Z' },
    ...options,
  });
}

/** A revocation list signed by `authority`. */
export function createCrl(authority: Authority, options: CrlOptions = {}): { der: Uint8Array; pem: string } {
  const algorithm = algorithmOf(authority.key);
  const thisUpdate = options.thisUpdate ?? new Date(Date.now() - 3_600_000);
  const nextUpdate = options.nextUpdate === undefined ? new Date(Date.now() + 7 * DAY_MS) : options.nextUpdate;
  const entryExtensions = options.entryExtensions === undefined ? [] : [sequence(...options.entryExtensions)];
  const revoked: Uint8Array[] = (options.revoked ?? []).map((serial) =>
    sequence(integerOctets(serial), timeOf(thisUpdate), ...entryExtensions),
  );
  if (options.rawEntries !== undefined) revoked.unshift(options.rawEntries);
  const extensions: Uint8Array[] = [];
  if (authority.subjectKeyId !== undefined) {
    extensions.push(extension('2.5.29.35', sequence(implicit(0, authority.subjectKeyId))));
  }
  if (options.number !== null) extensions.push(extension('2.5.29.20', integer(options.number ?? 1)));
  extensions.push(...(options.extraExtensions ?? []));
  const tbs = sequence(
    integer(1),
    algorithm.identifier,
    authority.subject,
    timeOf(thisUpdate),
    ...(nextUpdate === null ? [] : [timeOf(nextUpdate)]),
    ...(revoked.length === 0 ? [] : [sequence(Buffer.concat(revoked))]),
    ...(extensions.length === 0 ? [] : [explicit(0, sequence(...extensions))]),
  );
  const der = new Uint8Array(
    sequence(tbs, algorithm.identifier, bitString(sign(algorithm.digest, tbs, authority.key))),
  );
  return { der, pem: pem('X509 CRL', der) };
}
