import { isIPv4, SocketAddress } from 'node:net';

import type { Location } from '../../inventory/model.ts';
import type { AddSeries, Family } from '../family.ts';
import { labelPairs } from '../label-value.ts';
import { factsOf, secondsOf, serialOf } from './certificate-facts.ts';
import { goName } from './distinguished-name.ts';
import type { Profile } from './profile.ts';
import { isReached, servedChain, versionName } from './served-chain.ts';
import { joined } from './ssl-exporter.ts';

function gauge(name: string, help: string): Family {
  return { name, help, type: 'gauge' };
}

const SUCCESS = gauge('probe_success', 'Displays whether or not the probe was a success');
const EARLIEST = gauge('probe_ssl_earliest_cert_expiry', 'Returns earliest SSL cert expiry date');
const LAST_CHAIN = gauge(
  'probe_ssl_last_chain_expiry_timestamp_seconds',
  'Returns last SSL chain expiry in unixtime; absent when no chain can be verified',
);
const CHAIN_INFO = gauge('probe_ssl_last_chain_info', 'Contains SSL leaf certificate information');
const VERSION = gauge('probe_tls_version_info', 'Returns the TLS version used');
const PROTOCOL = gauge('probe_ip_protocol', 'Specifies whether probe ip protocol is IP4 or IP6');
const ADDRESS_HASH = gauge('probe_ip_addr_hash', 'Specifies the hash of IP address.');
const REGEX = gauge('probe_failed_due_to_regex', 'Indicates if probe failed due to regex');

/** blackbox_exporter on one page: `instance` is the target and `job` the source, as relabelling has it for its probes. */
export const blackboxExporter: Profile = {
  addLocation(location, add) {
    if (location.type !== 'endpoint') return;
    addBlackboxProbe(location, labelPairs({ instance: location.target, job: location.source }), add);
  },
};

/** What `/probe` of blackbox_exporter says of an endpoint with its prober tcp and TLS. `own`: labels that every series bears. */
export function addBlackboxProbe(location: Location, own: string, add: AddSeries): void {
  const { endpoint, chain } = location;
  add(SUCCESS, own, isReached(location) ? 1 : 0);
  add(REGEX, own, 0);
  const served = servedChain(location);
  const ends = served.flatMap(({ notAfter }) => secondsOf(notAfter) ?? []);
  if (ends.length > 0) add(EARLIEST, own, Math.min(...ends));
  const best = chain?.bestPath?.at;
  if (best !== undefined && best !== null) add(LAST_CHAIN, own, best / 1000);
  const [leaf] = served;
  if (leaf !== undefined) {
    const { dnsNames } = factsOf(leaf);
    const info = {
      fingerprint_sha256: leaf.id,
      subject: goName(leaf.subject),
      issuer: goName(leaf.issuer),
      subjectalternative: dnsNames.join(','),
      serialnumber: serialNumber(leaf.serial),
    };
    add(CHAIN_INFO, joined(own, labelPairs(info)), 1);
  }
  if (endpoint === undefined) return;
  const octets = addressOctets(endpoint.address);
  if (octets !== undefined) {
    add(PROTOCOL, own, octets.length === 4 ? 4 : 6);
    add(ADDRESS_HASH, own, fnv1a(octets));
  }
  if (isReached(location)) add(VERSION, joined(own, labelPairs({ version: versionName(endpoint.tlsVersion) })), 1);
}

/** The magnitude in pairs of hex digits, as Go writes `%x` of its octets: without sign and without zeroes in front. */
function serialNumber(hex: string): string {
  const serial = serialOf(hex);
  if (serial === 0n) return '';
  const digits = (serial < 0n ? -serial : serial).toString(16);
  return digits.length % 2 === 0 ? digits : `0${digits}`;
}

/** 32 bits of FNV-1a. */
function fnv1a(octets: Uint8Array): number {
  let sum = 0x811c_9dc5;
  for (const octet of octets) sum = Math.imul(sum ^ octet, 0x0100_0193);
  return sum >>> 0;
}

/** The octets of an address: 4 or 16. `undefined` for what is none. */
function addressOctets(address: string): Uint8Array | undefined {
  if (isIPv4(address)) return Uint8Array.from(address.split('.').map(Number));
  const parsed = SocketAddress.parse(`[${address.replace(/%.*$/, '')}]:0`);
  if (parsed === undefined) return undefined;
  const [head = '', tail] = parsed.address.split('::');
  const groups = (text: string | undefined): string[] =>
    (text ?? '').split(':').flatMap((group) => (group === '' ? [] : group.includes('.') ? v4Groups(group) : [group]));
  const [front, back] = [groups(head), groups(tail)];
  const middle = tail === undefined ? [] : Array<string>(8 - front.length - back.length).fill('0');
  const words = [...front, ...middle, ...back].map((group) => Number.parseInt(group, 16));
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
}

function v4Groups(text: string): string[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return [(a * 256 + b).toString(16), (c * 256 + d).toString(16)];
}
