import { toDefiniteLengths } from '../ber.ts';
import { DerError, DerReader, Tag } from '../der.ts';
import { keyIdOf, keyMatchOf } from '../key-id.ts';
import { lookUpOid, oidTable } from '../oids.ts';
import { certificatePart, crlPart, MAX_PARTS, type Part, type PrivateKeyPart } from '../part.ts';
import { encryptedKeyPart, privateKeyPart } from '../private-key.ts';
import type { Keyring } from './keyring.ts';

const MAX_NESTING = 8;
/** Of so many keys the public key is told. */
const MAX_KEYS = 500;
/** Longer names are cut: nobody reads them. */
const MAX_NAME = 512;

const BAG_TYPES = oidTable<'key' | 'shrouded-key' | 'certificate' | 'crl' | 'safe'>({
  '1.2.840.113549.1.12.10.1.1': 'key',
  '1.2.840.113549.1.12.10.1.2': 'shrouded-key',
  '1.2.840.113549.1.12.10.1.3': 'certificate',
  '1.2.840.113549.1.12.10.1.4': 'crl',
  '1.2.840.113549.1.12.10.1.6': 'safe',
});

/** X.509, as opposed to SDSI. */
const X509_TYPES = oidTable<true>({ '1.2.840.113549.1.9.22.1': true, '1.2.840.113549.1.9.23.1': true });

const ATTRIBUTES = oidTable<'friendlyName' | 'localKeyId' | 'trustedKeyUsage'>({
  '1.2.840.113549.1.9.20': 'friendlyName',
  '1.2.840.113549.1.9.21': 'localKeyId',
  '2.16.840.1.113894.746875.1.1': 'trustedKeyUsage',
});

/** One thing in a safe (RFC 7292 4.2). */
interface Bag {
  readonly kind: 'key' | 'shrouded-key' | 'certificate' | 'crl';
  readonly octets: Uint8Array;
  readonly alias: string | undefined;
  /** Hex; a certificate and its private key have the same. */
  readonly localKeyId: string | undefined;
  /** Java's mark of a certificate that is trusted. */
  readonly isTrusted: boolean;
}

/**
 * The bags of one safe; `undefined` when the octets are no SafeContents: what a wrong password leaves, when it leaves
 * anything at all.
 */
export function readSafe(octets: Uint8Array): readonly Bag[] | undefined {
  const bags: Bag[] = [];
  try {
    readBags(DerReader.over(toDefiniteLengths(octets)), 0, bags);
    return bags;
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

function readBags(reader: DerReader, depth: number, bags: Bag[]): void {
  if (depth > MAX_NESTING) throw new DerError('safes are nested too deep', reader.start);
  const contents = reader.expect(Tag.sequence, 'the contents of a safe').enter();
  while (!contents.done && bags.length <= MAX_PARTS) {
    const parts = contents.expect(Tag.sequence, 'a bag').enter();
    const kind = lookUpOid(BAG_TYPES, parts.expect(Tag.oid, 'the type of a bag'));
    const value = parts.expect(0xa0, 'a bag').enter();
    if (kind === 'safe') {
      readBags(value, depth + 1, bags);
      continue;
    }
    // Secrets, and what is not known.
    if (kind === undefined) continue;
    const octets = kind === 'certificate' || kind === 'crl' ? readX509(value) : readKey(value);
    if (octets !== undefined) bags.push({ kind, octets, ...readAttributes(parts) });
  }
}

function readKey(value: DerReader): Uint8Array {
  return value.expect(Tag.sequence, 'a key').element();
}

/** CertBag and CRLBag (4.2.3, 4.2.4). */
function readX509(value: DerReader): Uint8Array | undefined {
  const parts = value.expect(Tag.sequence, 'a certificate').enter();
  if (lookUpOid(X509_TYPES, parts.expect(Tag.oid, 'the type of a certificate')) === undefined) return undefined;
  return parts.expect(0xa0, 'a certificate').enter().expect(Tag.octetString, 'a certificate').content();
}

function readAttributes(parts: DerReader): Pick<Bag, 'alias' | 'localKeyId' | 'isTrusted'> {
  let alias: string | undefined;
  let localKeyId: string | undefined;
  let isTrusted = false;
  if (parts.peek() !== Tag.set) return { alias, localKeyId, isTrusted };
  parts.next();
  for (const attributes = parts.enter(); !attributes.done;) {
    const attribute = attributes.expect(Tag.sequence, 'an attribute').enter();
    const name = lookUpOid(ATTRIBUTES, attribute.expect(Tag.oid, 'an attribute'));
    const values = attribute.expect(Tag.set, 'the values of an attribute').enter();
    switch (name) {
      case 'friendlyName':
        if (!values.done && values.next() === Tag.bmpString) alias = bmpText(values.content());
        break;
      case 'localKeyId':
        if (!values.done && values.next() === Tag.octetString) localKeyId = values.text('hex');
        break;
      case 'trustedKeyUsage':
        isTrusted = true;
        break;
      case undefined:
        break;
    }
  }
  return { alias, localKeyId, isTrusted };
}

function bmpText(octets: Uint8Array): string | undefined {
  const even = octets.subarray(0, Math.min(octets.length - (octets.length % 2), 2 * MAX_NAME));
  const text = Buffer.from(even).swap16().toString('utf16le');
  return text === '' ? undefined : text;
}

/** What was found in the safes of one keystore, in order. */
export class SafeContents {
  private readonly bags: Bag[] = [];

  add(bags: readonly Bag[]): void {
    for (const bag of bags) if (this.bags.length <= MAX_PARTS) this.bags.push(bag);
  }

  /** Whether there was more than is kept. */
  get isFull(): boolean {
    return this.bags.length > MAX_PARTS;
  }

  /** The parts: keys are opened with what opened the safes, and told whose they are. */
  parts(keyring: Keyring): Part[] {
    const bags = this.bags.slice(0, MAX_PARTS);
    const keys = new Map<Bag, PrivateKeyPart>();
    for (const bag of bags) {
      if (bag.kind === 'key') keys.set(bag, keys.size < MAX_KEYS ? privateKeyPart(bag.octets) : UNREAD_KEY);
      if (bag.kind === 'shrouded-key') keys.set(bag, encryptedKeyPart(bag.octets, keyring));
    }
    const owners = new Owners([...keys]);
    return bags.map((bag) => {
      const key = keys.get(bag);
      if (key !== undefined) return bag.alias === undefined ? key : { ...key, alias: bag.alias };
      return bag.kind === 'crl' ? crlPart(bag.octets, { alias: bag.alias }, IN_STORE) : owners.certificate(bag);
    });
  }
}

const UNREAD_KEY: PrivateKeyPart = { kind: 'private-key', encrypted: false };
const IN_STORE = 'in the PKCS#12 keystore';

/** The private keys of a keystore, to tell which certificate belongs to which. */
class Owners {
  private readonly byLocalId = new Map<string, PrivateKeyPart>();
  private readonly byKeyId = new Map<string, PrivateKeyPart>();
  private readonly hasKeys: boolean;

  constructor(keys: readonly (readonly [Bag, PrivateKeyPart])[]) {
    this.hasKeys = keys.length > 0;
    for (const [{ localKeyId }, key] of keys) {
      if (localKeyId !== undefined) this.byLocalId.set(localKeyId, key);
      if (key.keyId !== undefined) this.byKeyId.set(key.keyId, key);
    }
  }

  certificate({ octets, alias, localKeyId, isTrusted }: Bag): Part {
    const part = certificatePart(octets, { alias }, IN_STORE);
    if (part.kind !== 'certificate') return part;
    const { certificate } = part;
    const key =
      (localKeyId === undefined ? undefined : this.byLocalId.get(localKeyId)) ??
      (this.byKeyId.size === 0 ? undefined : this.byKeyId.get(keyIdOf(certificate) ?? ''));
    if (key === undefined) {
      if (isTrusted) return { ...part, use: 'trusted' };
      return this.hasKeys ? { ...part, use: 'chain' } : part;
    }
    const keyMatch = keyMatchOf(key, certificate);
    return keyMatch === undefined ? { ...part, use: 'identity' } : { ...part, use: 'identity', keyMatch };
  }
}
