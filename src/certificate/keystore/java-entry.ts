import { keyMatchOf } from '../key-id.ts';
import { certificatePart, problemPart, type Part, type PartOf, type PrivateKeyPart } from '../part.ts';
import type { JavaReader } from './java-reader.ts';
import type { Keyring } from './keyring.ts';

/** One entry of a keystore of Java: a key with its chain, or a trusted certificate. */
export interface JavaEntry {
  readonly alias: string;
  readonly certificates: readonly JavaCertificate[];
  /** Tells of the key of the entry; absent for a trusted certificate. */
  readonly openKey?: (keyring: Keyring) => PrivateKeyPart;
}

export type JavaCertificate = PartOf<'certificate' | 'problem'>;

/** A certificate as all keystores of Java hold it: its type, its length, itself. Without `hasType` it is X.509. */
export function readJavaCertificate(reader: JavaReader, hasType = true): JavaCertificate {
  const type = hasType ? reader.utf() : 'X.509';
  const der = reader.take(reader.length());
  return type === 'X.509'
    ? certificatePart(der, {}, 'in the Java keystore')
    : problemPart('unsupported', 'a certificate in the Java keystore that is not X.509');
}

/** The parts of one entry: the key, its certificate, and the chain behind that. */
export function entryParts({ alias, certificates, openKey }: JavaEntry, keyring: Keyring): Part[] {
  if (openKey === undefined) {
    return certificates.map((part) =>
      part.kind === 'problem' ? { ...part, alias } : { ...part, alias, use: 'trusted' },
    );
  }
  const key = openKey(keyring);
  const chain = certificates.map((part, position): Part => {
    if (part.kind === 'problem') return { ...part, alias };
    if (position > 0) return { ...part, alias, use: 'chain' };
    const keyMatch = keyMatchOf(key, part.certificate);
    return { ...part, alias, use: 'identity', ...(keyMatch === undefined ? {} : { keyMatch }) };
  });
  return [{ ...key, alias }, ...chain];
}
