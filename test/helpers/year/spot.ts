import { parseCertificate, type Certificate } from '../../../src/certificate/certificate.ts';
import type { Item } from '../../../src/plugin/item.ts';
import type { Observation, Verdict } from '../../../src/plugin/observation.ts';

/** A certificate as its issuer gave it out. */
export interface Issued {
  readonly der: Uint8Array;
  readonly parsed: Certificate;
  readonly id: string;
  readonly startAt: number;
  readonly endAt: number;
}

/** What lies at one location: an address that serves, or a file. */
export interface Spot {
  readonly name: string;
  /** What an address serves, leaf first. */
  served: readonly Issued[];
  /** What lies in a file, or client identities shown to an address. */
  items: readonly Item[];
  verdicts: readonly Verdict[];
  acceptableIssuers: readonly string[];
  /** Grows with each change, so that a look knows whether there is anything new. */
  version: number;
  /** Nobody answers from then on. */
  isDown: boolean;
}

export function issuedOf(der: Uint8Array): Issued {
  const parsed = parseCertificate(der);
  const time = (value: Certificate['notAfter']): number => (value.status === 'known' ? value.at : Number.NaN);
  return { der, parsed, id: parsed.fingerprint, startAt: time(parsed.notBefore), endAt: time(parsed.notAfter) };
}

export function spotOf(name: string): Spot {
  return { name, served: [], items: [], verdicts: [], acceptableIssuers: [], version: 0, isDown: false };
}

/** Fingerprints of what is there. */
export function idsOf(spot: Spot): readonly string[] {
  return [
    ...spot.served.map(({ id }) => id),
    ...spot.items.flatMap((item) => (item.kind === 'certificate' ? (item.parsed?.fingerprint ?? []) : [])),
  ];
}

/** What a look shows of it. */
export function observe(spot: Spot, version: string, isEndpoint: boolean, target: string): Observation {
  const served = spot.served.map(({ der, parsed }, index): Item => ({
    kind: 'certificate',
    der,
    parsed,
    place: { key: 'chain', index },
    role: index === 0 ? 'server' : 'intermediate',
  }));
  const [host = '', port = '443'] = target.split(':');
  return {
    location: spot.name,
    version,
    items: [...served, ...spot.items],
    problems: [],
    ...(isEndpoint
      ? {
          endpoint: {
            address: spot.name.split('@')[1] ?? '',
            port: Number(port),
            serverName: host,
            handshake: 'hello',
            tlsVersion: '1.3',
            chain: spot.served.map(({ id }) => id),
            acceptableIssuers: spot.acceptableIssuers,
            requestsClientCertificate: spot.verdicts.length > 0 || spot.acceptableIssuers.length > 0,
            verdicts: spot.verdicts,
          },
        }
      : {}),
  };
}
