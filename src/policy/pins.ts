import { nameKey } from '../certificate/name-key.ts';
import type { KnownCertificate } from '../inventory/model.ts';
import { plainSerial, type Pins } from '../plugin/demands.ts';

/** What of a certificate is none of what is pinned, in words; empty when everything fits. */
export function pinFaults(certificate: KnownCertificate, pins: Pins): readonly string[] {
  const { fingerprints, serials, publicKeys, issuers } = pins;
  const issuer = nameKey(certificate.issuer);
  const serial = plainSerial(certificate.serial);
  return [
    ...(fingerprints?.includes(certificate.id) === false ? ['its fingerprint'] : []),
    ...(serials?.some((pin) => pin.serial === serial && nameKey(pin.issuer) === issuer) === false
      ? ['its serial number with its issuer']
      : []),
    ...(publicKeys?.includes(certificate.publicKey) === false ? ['its public key'] : []),
    ...(issuers?.some((pin) => nameKey(pin) === issuer) === false ? ['its issuer'] : []),
  ];
}

/** What has to be pinned so that the certificate fits, as it stands in a config. */
export function pinText(certificate: KnownCertificate, pins: Pins): string {
  return [
    ...(pins.fingerprints === undefined ? [] : [`fingerprint ${certificate.id}`]),
    ...(pins.serials === undefined ? [] : [`serial ${certificate.serial} of ${certificate.issuer}`]),
    ...(pins.publicKeys === undefined ? [] : [`public key ${certificate.publicKey}`]),
    ...(pins.issuers === undefined ? [] : [`issuer ${certificate.issuer}`]),
  ].join(', ');
}
