import { ByteReader, MalformedMessage } from './byte-reader.ts';
import { cipherSuiteName } from './cipher-suites.ts';
import { extensionName, groupName, messageName, schemeName } from './code-points.ts';
import {
  EXTENSION,
  isRetry,
  keyExchangeGroup,
  keyShareGroup,
  MESSAGE,
  readCertificateRequest,
  readExtensions,
  readServerHello,
  VERSION,
} from './handshake-messages.ts';

/** Certificates whose sizes are told. */
const MAX_SIZES = 8;
/** Extensions that are named. */
const MAX_EXTENSIONS = 40;

const VERSIONS: ReadonlyMap<number, string> = new Map([
  [0x0300, 'SSL 3.0'],
  [VERSION.tls10, 'TLS 1.0'],
  [VERSION.tls11, 'TLS 1.1'],
  [VERSION.tls12, 'TLS 1.2'],
  [VERSION.tls13, 'TLS 1.3'],
]);

/** A handshake message in words. */
export interface MessageText {
  /** The wire version that it settles: a ServerHello does. */
  readonly version?: number;
  /** `ServerHello (2): TLS 1.3, TLS_AES_128_GCM_SHA256, X25519`. */
  readonly line: string;
  /** Names and numbers of its extensions, in the order sent. */
  readonly extensions: readonly string[];
}

/**
 * What a handshake message says: nothing that differs from one connection to the next, such as random values and the
 * lengths of signatures. `version` is the wire version, as far as it is known. A message that breaks its format is named
 * all the same.
 */
export function messageText(type: number, body: Buffer, version: number): MessageText {
  const name = messageName(type);
  try {
    const { says, extensions = [], called = name, settles } = read(type, body, version);
    return {
      ...(settles === undefined ? {} : { version: settles }),
      line: says === undefined || says === '' ? called : `${called}: ${says}`,
      extensions: extensions.slice(0, MAX_EXTENSIONS).map((number) => extensionName(number)),
    };
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    return { line: `${name}: breaks its format`, extensions: [] };
  }
}

interface Reading {
  readonly says?: string;
  readonly extensions?: readonly number[];
  /** Instead of the name of its type. */
  readonly called?: string;
  readonly settles?: number;
}

function read(type: number, body: Buffer, version: number): Reading {
  switch (type) {
    case MESSAGE.clientHello:
      return clientHello(body);
    case MESSAGE.serverHello: {
      const hello = readServerHello(body);
      const group = keyShareGroup(hello);
      const retry = isRetry(hello);
      return {
        settles: retry ? VERSION.tls13 : hello.version,
        ...(retry ? { called: `HelloRetryRequest (${type})` } : {}),
        says: listed([
          versionName(hello.version),
          cipherSuiteName(hello.suite),
          group === undefined ? undefined : `${retry ? 'wants ' : ''}${groupName(group)}`,
          hello.alpn === undefined ? undefined : `protocol ${hello.alpn}`,
        ]),
        extensions: [...hello.extensions.keys()],
      };
    }
    case MESSAGE.encryptedExtensions: {
      const extensions = readExtensions(new ByteReader(body));
      return { says: protocols('protocol', extensions), extensions: [...extensions.keys()] };
    }
    case MESSAGE.certificateRequest:
      return certificateRequest(body, version);
    case MESSAGE.certificate:
      return { says: certificates(body, version) };
    case MESSAGE.serverKeyExchange: {
      const group = keyExchangeGroup(body);
      return group === undefined ? {} : { says: groupName(group) };
    }
    case MESSAGE.certificateVerify:
      return version === VERSION.tls13 || version === VERSION.tls12
        ? { says: schemeName(new ByteReader(body).number(2)) }
        : {};
    default:
      return {};
  }
}

function clientHello(body: Buffer): Reading {
  const reader = new ByteReader(body);
  const legacyVersion = reader.number(2);
  reader.take(32);
  reader.vector(1);
  const suites = reader.vector(2).length / 2;
  reader.vector(1);
  const extensions = readExtensions(reader);
  const versions = extensions.get(EXTENSION.supportedVersions);
  const serverName = extensions.get(EXTENSION.serverName);
  const groups = extensions.get(EXTENSION.supportedGroups);
  return {
    says: listed([
      versions === undefined
        ? versionName(legacyVersion)
        : numbersOf(new ByteReader(versions).nested(1)).map(versionName).join('/'),
      serverName === undefined ? 'no server name' : `for ${hostName(serverName)}`,
      `${suites} suites`,
      groups === undefined ? undefined : numbersOf(new ByteReader(groups).nested(2)).map(groupName).join('/'),
      protocols('protocols', extensions),
    ]),
    extensions: [...extensions.keys()],
  };
}

function certificateRequest(body: Buffer, version: number): Reading {
  const { issuers, signatureSchemes } = readCertificateRequest(body, version);
  const reader = new ByteReader(body);
  reader.vector(1);
  return {
    says: listed([
      issuers.length === 0 ? 'from any issuer' : counted(issuers.length, 'acceptable issuer'),
      counted(signatureSchemes.length, 'signature scheme'),
    ]),
    ...(version === VERSION.tls13 ? { extensions: [...readExtensions(reader).keys()] } : {}),
  };
}

function certificates(body: Buffer, version: number): string {
  const reader = new ByteReader(body);
  if (version === VERSION.tls13) reader.vector(1);
  const end = reader.number(3);
  const sizes: number[] = [];
  let count = 0;
  for (let offset = 0; offset < end; count++) {
    const length = reader.number(3);
    reader.skip(length);
    offset += 3 + length;
    if (version === VERSION.tls13) {
      const extensions = reader.number(2);
      reader.skip(extensions);
      offset += 2 + extensions;
    }
    if (sizes.length < MAX_SIZES) sizes.push(length);
  }
  if (count === 0) return 'none';
  return `${counted(count, 'certificate')} of ${sizes.join(', ')}${count > sizes.length ? ', …' : ''} octets`;
}

/** The names in an ALPN extension, RFC 7301 section 3.1. */
function protocols(what: string, extensions: ReadonlyMap<number, Buffer>): string {
  const data = extensions.get(EXTENSION.alpn);
  if (data === undefined) return '';
  const list = new ByteReader(data).nested(2);
  const names: string[] = [];
  while (!list.done && names.length < MAX_SIZES) names.push(list.vector(1).toString('latin1'));
  return `${what} ${names.join(' ')}`;
}

/** RFC 6066 section 3. */
function hostName(data: Buffer): string {
  const list = new ByteReader(data).nested(2);
  list.number(1);
  return list.vector(2).toString('latin1');
}

function numbersOf(list: ByteReader): readonly number[] {
  const numbers: number[] = [];
  while (!list.done && numbers.length < MAX_EXTENSIONS) numbers.push(list.number(2));
  return numbers;
}

function versionName(version: number): string {
  return VERSIONS.get(version) ?? `0x${version.toString(16).padStart(4, '0')}`;
}

function listed(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(', ');
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
