import { isIP } from 'node:net';

import type { DescribedCertificate, End, KnownCertificate } from '../../inventory/model.ts';
import { attributesIn, type Attribute } from './distinguished-name.ts';

/** What the other exporters say of a certificate, in the forms that they have in common. */
export interface CertificateFacts {
  /** Seconds since the epoch; absent where it is no date. */
  readonly notAfter?: number;
  readonly notBefore?: number;
  readonly subject: readonly Attribute[];
  readonly issuer: readonly Attribute[];
  /** 0 where it is not known. */
  readonly serial: bigint;
  readonly hasSerial: boolean;
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
  readonly emails: readonly string[];
  readonly uris: readonly string[];
}

export function factsOf(item: KnownCertificate | DescribedCertificate): CertificateFacts {
  const notAfter = secondsOf(item.notAfter);
  const notBefore = secondsOf(item.notBefore);
  const isName = (name: string): boolean => isIP(name) === 0 && !/[@:/]/.test(name);
  return {
    ...(notAfter === undefined ? {} : { notAfter }),
    ...(notBefore === undefined ? {} : { notBefore }),
    subject: item.kind === 'certificate' ? attributesIn(item.subject) : [{ type: 'CN', value: item.title }],
    issuer: attributesIn(item.issuer ?? ''),
    serial: serialOf(item.serial),
    hasSerial: item.serial !== undefined,
    dnsNames: item.names.filter(isName),
    addresses: item.names.filter((name) => isIP(name) !== 0),
    emails: item.names.filter((name) => isIP(name) === 0 && name.includes('@') && !name.includes('/')),
    uris: item.names.filter((name) => isIP(name) === 0 && name.includes(':')),
  };
}

/** Seconds since the epoch of a date that is one. */
export function secondsOf(time: End | undefined): number | undefined {
  return time?.status === 'known' ? time.at / 1000 : undefined;
}

/** The content octets of an INTEGER in hex, as a number: two's complement. */
export function serialOf(hex: string | undefined): bigint {
  if (hex === undefined || !/^[0-9A-Fa-f]+$/.test(hex)) return 0n;
  return BigInt.asIntN(hex.length * 4, BigInt(`0x${hex}`));
}
