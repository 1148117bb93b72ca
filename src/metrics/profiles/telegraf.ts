import { pathToFileURL } from 'node:url';

import type { KnownCertificate, Location } from '../../inventory/model.ts';
import type { AddSeries, Family } from '../family.ts';
import { labelPairs } from '../label-value.ts';
import { factsOf } from './certificate-facts.ts';
import { firstValue, type Attribute } from './distinguished-name.ts';
import { mediumOf } from './medium.ts';
import type { Profile, ProfileOptions } from './profile.ts';

function untyped(field: string, help: string, relative?: Family['relative']): Family {
  return { name: `x509_cert_${field}`, help, type: 'untyped', ...(relative === undefined ? {} : { relative }) };
}

const EXPIRY = untyped('expiry', 'Seconds until the certificate ends.', 'left');
const AGE = untyped('age', 'Seconds since the certificate began.', 'age');
const START = untyped('startdate', 'Begin of the certificate.');
const END = untyped('enddate', 'End of the certificate.');
const VERIFICATION = untyped('verification_code', '0 valid, 1 invalid.');
const KEY_LENGTH = untyped('public_key_length', 'Bits of the public key.');
const STATUS = untyped('ocsp_status_code', '0 good, 1 revoked, 2 unknown.');
const THIS_UPDATE = untyped('ocsp_this_update', 'thisUpdate of the OCSP response.');
const NEXT_UPDATE = untyped('ocsp_next_update', 'nextUpdate of the OCSP response.');
const REVOKED = untyped('ocsp_revoked_at', 'When the certificate was revoked.');

/** The names of Go's crypto/x509 for the algorithms. */
const SIGNATURES: Readonly<Record<string, string>> = {
  md2WithRSAEncryption: 'MD2-RSA',
  md5WithRSAEncryption: 'MD5-RSA',
  sha1WithRSAEncryption: 'SHA1-RSA',
  sha256WithRSAEncryption: 'SHA256-RSA',
  sha384WithRSAEncryption: 'SHA384-RSA',
  sha512WithRSAEncryption: 'SHA512-RSA',
  rsassaPss: 'SHA256-RSAPSS',
  'dsa-with-SHA1': 'DSA-SHA1',
  'dsa-with-SHA256': 'DSA-SHA256',
  'ecdsa-with-SHA1': 'ECDSA-SHA1',
  'ecdsa-with-SHA256': 'ECDSA-SHA256',
  'ecdsa-with-SHA384': 'ECDSA-SHA384',
  'ecdsa-with-SHA512': 'ECDSA-SHA512',
  Ed25519: 'Ed25519',
};
const KEYS: Readonly<Record<string, string>> = { rsa: 'RSA', dsa: 'DSA', ec: 'ECDSA', ed25519: 'Ed25519' };
const CURVE_BITS: Readonly<Record<string, number>> = { 'P-224': 224, 'P-256': 256, 'P-384': 384, 'P-521': 521 };

/** telegraf's input x509_cert through its Prometheus output. */
export function createTelegraf({ host }: Pick<ProfileOptions, 'host'>): Profile {
  return {
    addLocation(location, add) {
      for (const sighting of location.sightings) {
        if (sighting.item.kind !== 'certificate') continue;
        const medium = mediumOf(location, sighting);
        if (medium.kind === 'endpoint') {
          const isServed = location.endpoint?.chain.includes(sighting.item.id) === true;
          if (isServed) addCertificate(location, sighting.item, urlOf(location), host, add);
        } else if (medium.kind === 'file') {
          addCertificate(location, sighting.item, pathToFileURL(medium.path).href, host, add);
        }
      }
    },
  };
}

function addCertificate(
  location: Location,
  item: KnownCertificate,
  source: string,
  host: string,
  add: AddSeries,
): void {
  const facts = factsOf(item);
  const { endpoint, chain } = location;
  const isValid = chain?.bestPathItems?.includes(item.id) === true;
  const staple = endpoint?.chain[0] === item.id ? endpoint.staple : undefined;
  const [key = '', detail = ''] = item.keyAlgorithm.split(' ');
  const labels = labelPairs({
    host,
    type: item.selfIssued && item.isCa ? 'root' : item.isCa ? 'intermediate' : 'leaf',
    source,
    common_name: firstValue(facts.subject, 'CN'),
    serial_number: facts.serial.toString(16),
    signature_algorithm: SIGNATURES[item.signatureAlgorithm] ?? '0',
    public_key_algorithm: KEYS[key] ?? '0',
    issuer_common_name: firstValue(facts.issuer, 'CN'),
    issuer_serial_number: firstValue(facts.issuer, 'serialNumber'),
    san: [...facts.dnsNames, ...facts.emails, ...facts.addresses, ...facts.uris].join(','),
    verification: isValid ? 'valid' : 'invalid',
    ocsp_stapled: staple === undefined ? 'no' : 'yes',
    ...(staple === undefined || staple.status === 'invalid' ? {} : { ocsp_status: staple.status }),
    ...organisation(facts.subject),
  });
  if (facts.notAfter !== undefined) {
    add(EXPIRY, labels, facts.notAfter);
    add(END, labels, facts.notAfter);
  }
  if (facts.notBefore !== undefined) {
    add(AGE, labels, facts.notBefore);
    add(START, labels, facts.notBefore);
  }
  add(VERIFICATION, labels, isValid ? 0 : 1);
  const bits = key === 'ed25519' ? 256 : (CURVE_BITS[detail] ?? Number(detail));
  if (bits > 0) add(KEY_LENGTH, labels, bits);
  if (staple === undefined || staple.status === 'invalid') return;
  add(STATUS, labels, { good: 0, revoked: 1, unknown: 2 }[staple.status]);
  if (staple.thisUpdateAt !== undefined) add(THIS_UPDATE, labels, staple.thisUpdateAt / 1000);
  if (staple.nextUpdateAt !== undefined) add(NEXT_UPDATE, labels, staple.nextUpdateAt / 1000);
  if (staple.revokedAt !== undefined) add(REVOKED, labels, staple.revokedAt / 1000);
}

function organisation(subject: readonly Attribute[]): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const [name, type] of [
    ['organization', 'O'],
    ['organizational_unit', 'OU'],
    ['country', 'C'],
    ['province', 'ST'],
    ['locality', 'L'],
  ] as const) {
    const value = firstValue(subject, type);
    if (value !== '') labels[name] = value;
  }
  return labels;
}

/** The target as it would be written there. */
function urlOf({ target, endpoint }: Location): string {
  if (target.includes('://')) return target;
  return /:\d+$/.test(target) ? `tcp://${target}` : `tcp://${target}:${endpoint?.port ?? 443}`;
}
