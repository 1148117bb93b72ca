import * as crypto from 'node:crypto';

/** One side of a key exchange; its private key is as real and as short-lived as `Ephemerals` says. */
export interface Agreement {
  /** What is sent to the server. */
  readonly share: Buffer;
  /** The shared secret; `undefined` when what the server sent is no key of this group. */
  derive(serverShare: Buffer): Buffer | undefined;
}

/** A named group of the registry: https://www.iana.org/assignments/tls-parameters */
export interface Group {
  readonly number: number;
  readonly name: string;
  /** Whether TLS 1.2 knows it. */
  readonly curve: boolean;
  generate(): Agreement;
}

/** Classic groups, in the order in which they are offered; the first two get a key share at once. */
export const CURVES: readonly Group[] = [
  { number: 0x001d, name: 'X25519', curve: true, generate: () => agreeOn(crypto.generateKeyPairSync('x25519'), 32) },
  ecGroup(0x0017, 'P-256', 65),
  ecGroup(0x0018, 'P-384', 97),
  ecGroup(0x0019, 'P-521', 133),
];

const MLKEM_CIPHERTEXT = 1_088;
const MLKEM_PUBLIC_KEY = 1_184;

/** The hybrid, where this Node can do it. Servers that know it ask for it by a HelloRetryRequest as soon as it is offered. */
export const HYBRID: Group | undefined = canEncapsulate() ? hybridGroup() : undefined;

const BY_NUMBER: ReadonlyMap<number, Group> = new Map(
  [...CURVES, ...(HYBRID === undefined ? [] : [HYBRID])].map((group) => [group.number, group]),
);

export function groupOf(number: number): Group | undefined {
  return BY_NUMBER.get(number);
}

function ecGroup(number: number, name: string, pointLength: number): Group {
  return {
    number,
    name,
    curve: true,
    generate: () => agreeOn(crypto.generateKeyPairSync('ec', { namedCurve: name }), pointLength),
  };
}

export interface KeyPair {
  readonly publicKey: crypto.KeyObject;
  readonly privateKey: crypto.KeyObject;
}

/** Diffie-Hellman with a key pair whose SubjectPublicKeyInfo ends with so many octets of key. */
export function agreeOn({ publicKey, privateKey }: KeyPair, length: number): Agreement {
  const info = publicKey.export({ type: 'spki', format: 'der' });
  const share = Buffer.from(info.subarray(-length));
  const prefix = info.subarray(0, -length);
  return {
    share,
    derive(serverShare) {
      if (serverShare.length !== length) return undefined;
      const encoded = Buffer.concat([prefix, serverShare]).toString('base64');
      // Text is the one form of a key that Node takes without first throwing and catching for each form that it is not:
      // two thirds of the cost of an X25519 agreement.
      const pem = `-----BEGIN PUBLIC KEY-----\n${encoded}\n-----END PUBLIC KEY-----\n`;
      try {
        return crypto.diffieHellman({ privateKey, publicKey: pem });
      } catch {
        return undefined;
      }
    },
  };
}

/** X25519MLKEM768, draft-ietf-tls-ecdhe-mlkem section 4: ML-KEM first in both shares and in the secret. */
function hybridGroup(): Group {
  return {
    number: 0x11ec,
    name: 'X25519MLKEM768',
    curve: false,
    generate() {
      const { publicKey, privateKey } = crypto.generateKeyPairSync('ml-kem-768');
      const classic = agreeOn(crypto.generateKeyPairSync('x25519'), 32);
      const encapsulationKey = publicKey.export({ type: 'spki', format: 'der' }).subarray(-MLKEM_PUBLIC_KEY);
      return {
        share: Buffer.concat([encapsulationKey, classic.share]),
        derive(serverShare) {
          const shared = classic.derive(serverShare.subarray(MLKEM_CIPHERTEXT));
          if (shared === undefined) return undefined;
          try {
            return Buffer.concat([crypto.decapsulate(privateKey, serverShare.subarray(0, MLKEM_CIPHERTEXT)), shared]);
          } catch {
            return undefined;
          }
        },
      };
    },
  };
}

/** Since Node 24.7, and only with an OpenSSL that has it. */
function canEncapsulate(): boolean {
  try {
    crypto.generateKeyPairSync('ml-kem-768');
    return typeof crypto.decapsulate === 'function';
  } catch {
    return false;
  }
}
