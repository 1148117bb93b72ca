import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** What a name server says about one name; a name that is not listed does not exist. */
export interface DnsRecords {
  readonly a?: readonly string[] | 'servfail' | 'silence';
  readonly aaaa?: readonly string[] | 'servfail' | 'silence';
  /** `priority weight port target`; the target `.` is a lone root label. */
  readonly srv?: readonly string[];
  /** Seconds; default 60. */
  readonly ttl?: number;
}

export interface DnsServer extends AsyncDisposable {
  /** As `dns.Resolver#setServers` takes it. */
  readonly address: string;
  /** What was asked, in order: `A api.example`. */
  readonly queries: readonly string[];
  /** Answers from now on. */
  zone: Record<string, DnsRecords>;
}

const TYPES: Readonly<Record<number, 'A' | 'AAAA' | 'SRV'>> = { 1: 'A', 28: 'AAAA', 33: 'SRV' };
const OCTETS = {
  A: (text: string) => Buffer.from(text.split('.').map(Number)),
  AAAA: ipv6Octets,
  SRV: serviceOctets,
} as const;

const NO_SUCH_NAME = 3;
const SERVER_FAILURE = 2;

/** A name server on loopback. */
export async function startDnsServer(zone: Record<string, DnsRecords>): Promise<DnsServer> {
  const socket = createSocket('udp4');
  const queries: string[] = [];
  const server: DnsServer = {
    address: '',
    queries,
    zone,
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, 'close');
    },
  };

  socket.on('message', (message, peer) => {
    const { name, type, end } = readQuestion(message);
    const family = TYPES[type] ?? 'A';
    queries.push(`${family} ${name}`);
    const entry = server.zone[name];
    const data = family === 'A' ? entry?.a : family === 'AAAA' ? entry?.aaaa : entry?.srv;
    if (data === 'silence') return;
    const rcode = entry === undefined ? NO_SUCH_NAME : data === 'servfail' ? SERVER_FAILURE : 0;
    const addresses = typeof data === 'object' ? data : [];
    const header = Buffer.alloc(12);
    message.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | rcode, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(addresses.length, 6);
    const answers = addresses.map((address) => {
      const octets = OCTETS[family](address);
      const record = Buffer.alloc(12);
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(type, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(entry?.ttl ?? 60, 6);
      record.writeUInt16BE(octets.length, 10);
      return Buffer.concat([record, octets]);
    });
    socket.send(Buffer.concat([header, message.subarray(12, end), ...answers]), peer.port, peer.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return Object.assign(server, { address: `127.0.0.1:${socket.address().port}` });
}

function readQuestion(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let offset = 12;
  for (let length = message.readUInt8(offset); length > 0; length = message.readUInt8(offset)) {
    labels.push(message.toString('latin1', offset + 1, offset + 1 + length));
    offset += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(offset + 1), end: offset + 5 };
}

/** The octets of an IPv6 address without an embedded IPv4 one. */
function ipv6Octets(address: string): Buffer {
  const [head = '', tail] = address.split('::');
  const [left, right] = [head, tail ?? ''].map((part) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)),
  ) as [number[], number[]];
  const all = [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

/** RFC 2782. */
function serviceOctets(text: string): Buffer {
  const [priority, weight, port, target = '.'] = text.split(' ');
  const numbers = Buffer.alloc(6);
  for (const [index, number] of [priority, weight, port].entries()) numbers.writeUInt16BE(Number(number), 2 * index);
  const labels = target.split('.').filter((label) => label !== '');
  const name = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]);
  return Buffer.concat([numbers, ...name, Buffer.from([0])]);
}
