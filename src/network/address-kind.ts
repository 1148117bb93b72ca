import { isIP } from 'node:net';

/**
 * What an address is good for. `private` is a site's own, `link-local` includes the addresses at which clouds hand out
 * credentials, and `special` is everything else that no server of the public Internet has.
 */
export type AddressKind = 'public' | 'private' | 'loopback' | 'link-local' | 'special';

/** Addresses that begin with the same bits. */
export interface Block {
  /** 4 octets for IPv4, 16 for IPv6. */
  readonly octets: Uint8Array;
  readonly bits: number;
}

/** Of a cloud's inside, though their blocks look like any other: they give credentials to whoever asks. */
const METADATA = blocks(
  '100.100.100.200/32', // Alibaba
  '168.63.129.16/32', // Azure
  '192.0.0.192/32', // Oracle
  'fd00:ec2::/32', // AWS
  'fd20:ce::/32', // Google
);

/** IANA's special-purpose registries (RFC 6890 and what came later), and multicast. */
const IPV4: readonly (readonly [AddressKind, readonly Block[]])[] = [
  ['link-local', [...METADATA, ...blocks('169.254.0.0/16')]],
  ['loopback', blocks('127.0.0.0/8')],
  ['private', blocks('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10')],
  [
    'special',
    blocks(
      '0.0.0.0/8',
      '192.0.0.0/24',
      '192.0.2.0/24',
      '192.88.99.0/24',
      '198.18.0.0/15',
      '198.51.100.0/24',
      '203.0.113.0/24',
      '224.0.0.0/3',
    ),
  ],
];

const IPV6: readonly (readonly [AddressKind, readonly Block[]])[] = [
  ['link-local', [...METADATA, ...blocks('fe80::/10')]],
  ['loopback', blocks('::1/128')],
  ['private', blocks('fc00::/7')],
  // IETF protocols with Teredo, documentation, and 6to4: inside these an IPv4 address may hide.
  ['special', blocks('2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20')],
  ['public', blocks('2000::/3')],
];

/** IPv4 addresses in the clothes of IPv6: of a socket (RFC 4291 2.5.5.2), and behind a translator (RFC 6052). */
const MAPPED = blocks('::ffff:0:0/96');
const TRANSLATED = blocks('64:ff9b::/96');
/** The last 64 bits of an ISATAP address (RFC 5214 6.1) are these 32 and an IPv4 address. */
const ISATAP: ReadonlySet<string> = new Set(['00005efe', '02005efe']);

/** What a literal address is good for; IPv4 inside of IPv6 counts as what it is. Throws TypeError for what is no address. */
export function addressKind(address: string): AddressKind {
  const octets = addressOctets(address);
  if (octets.length === 4) return kindIn(IPV4, octets) ?? 'public';
  if (isIn(TRANSLATED, octets)) return kindIn(IPV4, octets.subarray(12)) ?? 'public';
  if (ISATAP.has(Buffer.from(octets.subarray(8, 12)).toString('hex'))) {
    const kind = kindIn(IPV6, octets);
    return kind === 'public' || kind === undefined ? 'special' : kind;
  }
  return kindIn(IPV6, octets) ?? 'special';
}

/** Whether a literal address lies in the block. */
export function isInBlock(address: string, block: Block): boolean {
  return isIn([block], addressOctets(address));
}

/** Reads `10.0.0.0/8`, `2001:db8::/32` or a single address; `undefined` for anything else. */
export function parseBlock(text: string): Block | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || address.includes('%') || rest.length > 0) return undefined;
  const octets = addressOctets(address);
  const size = octets.length * 8;
  if (bits === undefined) return { octets, bits: size };
  // Of an IPv4 address in the clothes of IPv6 the first 96 bits are the clothes.
  const own = Number(bits) - (family === 6 ? 128 - size : 0);
  return /^\d{1,3}$/.test(bits) && own >= 0 && own <= size ? { octets, bits: own } : undefined;
}

/**
 * The octets of a literal address: 4, also for an IPv4 address that is written as IPv6, else 16. A zone is left away. Throws
 * TypeError for what is no address.
 */
export function addressOctets(address: string): Uint8Array {
  const bare = address.replace(/%.*$/, '');
  switch (isIP(bare)) {
    case 4:
      return Uint8Array.from(bare.split('.'), Number);
    case 6: {
      const octets = ipv6Octets(bare);
      return isIn(MAPPED, octets) ? octets.subarray(12) : octets;
    }
    default:
      throw new TypeError('not a literal address');
  }
}

function ipv6Octets(address: string): Uint8Array {
  const [head = '', tail] = address.split('::');
  const left = groups(head);
  const right = groups(tail ?? '');
  const octets = new Uint8Array(16);
  octets.set(left);
  octets.set(right, 16 - right.length);
  return octets;
}

/** The octets of the groups on one side of `::`; the last may be in the form of IPv4. */
function groups(side: string): readonly number[] {
  if (side === '') return [];
  return side.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function kindIn(
  table: readonly (readonly [AddressKind, readonly Block[]])[],
  octets: Uint8Array,
): AddressKind | undefined {
  return table.find(([, list]) => isIn(list, octets))?.[0];
}

function isIn(list: readonly Block[], octets: Uint8Array): boolean {
  return list.some((block) => block.octets.length === octets.length && hasPrefix(octets, block));
}

function hasPrefix(octets: Uint8Array, block: Block): boolean {
  for (let bit = 0; bit < block.bits; bit += 8) {
    const mask = block.bits - bit >= 8 ? 0xff : 0xff00 >> (block.bits - bit);
    const index = bit >> 3;
    if (((octets[index] ?? 0) & mask) !== ((block.octets[index] ?? 0) & mask)) return false;
  }
  return true;
}

function blocks(...texts: readonly string[]): readonly Block[] {
  return texts.map((text) => {
    const [address = '', bits] = text.split('/');
    const octets = address.includes(':') ? ipv6Octets(address) : Uint8Array.from(address.split('.'), Number);
    return { octets, bits: Number(bits) };
  });
}
