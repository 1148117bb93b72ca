import { hash } from 'node:crypto';

import type { KnownCertificate, Location } from '../src/inventory/model.ts';

const DAY_MS = 86_400_000;
/** Lifetimes as they are mixed in a fleet: public, older public, short, private. */
const LIVES_DAYS = [90, 398, 45, 200, 90, 3650, 90, 47] as const;
/** Of so many locations, one has a certificate that is near its end. */
const NEAR_END_OF = 100;

/** A location with so many certificates, each of its own, with an intermediate that many share; renewed on time but for a few. */
export function fleetLocation(number: number, certificates: number, now: number): Location {
  const isEndpoint = number % 4 === 0;
  const items = Array.from({ length: certificates }, (_, position) =>
    fleetCertificate(number * certificates + position, now, position === 0 && number % NEAR_END_OF === 0),
  );
  const [first] = items;
  const target = `host${number}.example.com:443`;
  return {
    id: 0,
    source: isEndpoint ? 'web' : `disk${number % 10}`,
    type: isEndpoint ? 'endpoint' : 'file',
    target: isEndpoint ? target : '/etc/ssl',
    location: isEndpoint
      ? `${target}@10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`
      : `/etc/ssl/${number}.pem`,
    labels: { owner: `team${number % 30}` },
    firstSeenAt: now - 100 * DAY_MS,
    lastLookAt: now - 60_000,
    lastSuccessAt: now - 60_000,
    failures: 0,
    problems: [],
    sightings: items.map((item, index) => ({
      item,
      place: index === 0 && isEndpoint ? 'chain' : isEndpoint ? `extra${index}` : 'pem',
      index,
      role: 'server',
      firstSeenAt: now - 30 * DAY_MS,
      lastSeenAt: now - 60_000,
    })),
    ...(isEndpoint && first !== undefined
      ? {
          endpoint: {
            address: `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`,
            port: 443,
            serverName: `host${number}.example.com`,
            handshake: 'hello',
            chain: [first.id],
            acceptableIssuers: [],
            verdicts: [],
          },
        }
      : {}),
  };
}

/** The same location after its first certificate was renewed. */
export function renewedAt(location: Location, now: number): Location {
  const [first, ...others] = location.sightings;
  if (first?.item.kind !== 'certificate') return location;
  const item: KnownCertificate = {
    ...first.item,
    id: digest(`${first.item.id} renewed`),
    notBefore: { status: 'known', at: now },
    notAfter: { status: 'known', at: now + 5_000 * DAY_MS + 1 },
  };
  return { ...location, lastLookAt: now, sightings: [{ ...first, item, firstSeenAt: now }, ...others] };
}

function fleetCertificate(number: number, now: number, isNearEnd: boolean): KnownCertificate {
  const lives = (LIVES_DAYS[number % LIVES_DAYS.length] ?? 90) * DAY_MS;
  // Spread over the part of the life before a third of it is left.
  const share = isNearEnd ? 0.05 : 0.4 + 0.59 * ((number * 0.618_033_988_749) % 1);
  const end = Math.round((now + lives * share) / 1000) * 1000;
  const id = digest(`certificate ${number}`);
  const name = `service${number}.team${number % 30}.example.com`;
  const ca = number % 40;
  return {
    kind: 'certificate',
    id,
    subject: `CN=${name},O=Example`,
    issuer: `CN=Example Issuing CA ${ca},O=Example,C=DE`,
    serial: digest(`serial ${number}`).slice(0, 32).toUpperCase(),
    title: name,
    names: [name],
    nameCount: 1,
    notBefore: { status: 'known', at: end - lives },
    notAfter: { status: 'known', at: end },
    isCa: false,
    selfIssued: false,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: ['serverAuth'],
    subjectKeyId: digest(`key id ${number}`).slice(0, 40),
    authorityKeyId: digest(`ca ${ca}`).slice(0, 40),
    publicKey: digest(`key ${number}`),
    keyAlgorithm: 'ec P-256',
    signatureAlgorithm: 'ecdsa-with-SHA256',
    problems: [],
  };
}

function digest(text: string): string {
  return hash('sha256', text, 'hex');
}
