import type { Duplex } from 'node:stream';

import { startDeadline } from '../../network/deadline.ts';
import type { Dialogue } from './dialogue.ts';
import { DialogueError } from './dialogue-error.ts';
import { Exchange } from './exchange.ts';

/** https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html */
const PROTOCOL_VERSION = 10;
const FIRST = { ok: 0x00, authSwitch: 0xfe, error: 0xff } as const;
const CAPABILITY = {
  longPassword: 0x1,
  protocol41: 0x200,
  ssl: 0x800,
  secureConnection: 0x8000,
  pluginAuth: 0x8_0000,
} as const;
const OURS = CAPABILITY.longPassword | CAPABILITY.protocol41 | CAPABILITY.secureConnection | CAPABILITY.pluginAuth;
const UTF8 = 33;
const QUIT = Buffer.from([0x01]);

/** Whom we log in as, without a password, to be turned away in good order. */
const USER = 'notafter';
const PLUGIN = 'mysql_native_password';

/** ER_HOST_IS_BLOCKED, ER_HOST_NOT_PRIVILEGED */
const HOST_IS_BLOCKED = 1129;
const HOST_NOT_PRIVILEGED = 1130;

/** Nothing before the end of a login is nearly as long. */
const MAX_PACKET = 8 * 1024;

/** A login is turned away within so many packets. */
const MAX_ANSWERS = 4;
const FAREWELL_MS = 2_000;

/**
 * MySQL and MariaDB count connections that end in the middle of the login, and block the host at `max_connect_errors`. So
 * every connection goes on to a login that is turned away, which is not counted, with TLS or without.
 */
export const mysql: Dialogue = {
  name: 'MySQL',
  unconfirmed: true,
  async agree(exchange) {
    const greeting = await readPacket(exchange);
    const { body } = greeting;
    if (body[0] === FIRST.error) throw turnedAway(exchange, body);
    if (body[0] !== PROTOCOL_VERSION) throw exchange.foreign();
    if ((capabilitiesIn(body, exchange) & CAPABILITY.ssl) === 0) {
      await leave(exchange, 1, OURS);
      throw exchange.notOffered('its greeting has no CLIENT_SSL');
    }
    exchange.send(packet(1, loginHead(OURS | CAPABILITY.ssl)));
  },

  async farewell(tls: Duplex, signal: AbortSignal) {
    using deadline = startDeadline(FAREWELL_MS, signal);
    const exchange = new Exchange(tls, { where: '', protocol: 'MySQL' }, deadline.signal);
    try {
      await leave(exchange, 2, OURS | CAPABILITY.ssl);
    } finally {
      exchange.release();
    }
  },
};

/** Logs in until turned away; a server that says something else, or nothing more, is left as it is. */
async function leave(exchange: Exchange, sequence: number, capabilities: number): Promise<void> {
  const credentials = Buffer.from(`${USER}\0\0${PLUGIN}\0`);
  exchange.send(packet(sequence, Buffer.concat([loginHead(capabilities), credentials])));
  try {
    for (let count = 0; count < MAX_ANSWERS; count++) {
      const answer = await readPacket(exchange);
      switch (answer.body[0]) {
        case FIRST.ok:
          return exchange.send(packet(0, QUIT));
        case FIRST.authSwitch:
          // What every method takes for an empty password: nothing, or for those of SHA-2 a NUL.
          exchange.send(packet(answer.sequence + 1, Buffer.alloc(isSha2(answer.body) ? 1 : 0)));
          break;
        default:
          return;
      }
    }
  } catch (error) {
    if (!(error instanceof DialogueError)) throw error;
  }
}

function isSha2(authSwitch: Buffer): boolean {
  return /^\xfe(?:caching_sha2|sha256)_password\0/.test(authSwitch.toString('latin1'));
}

interface Packet {
  readonly sequence: number;
  readonly body: Buffer;
}

async function readPacket(exchange: Exchange): Promise<Packet> {
  const head = await exchange.take(4);
  const length = head.readUIntLE(0, 3);
  if (length === 0 || length > MAX_PACKET) throw exchange.foreign();
  return { sequence: head.readUInt8(3), body: await exchange.take(length) };
}

function packet(sequence: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head.writeUInt8(sequence % 256, 3);
  return Buffer.concat([head, body]);
}

/** What SSLRequest and HandshakeResponse41 have in common: capabilities, longest packet, character set, filler. */
function loginHead(capabilities: number): Buffer {
  const head = Buffer.alloc(32);
  head.writeUInt32LE(capabilities, 0);
  head.writeUInt32LE(0x100_0000, 4);
  head.writeUInt8(UTF8, 8);
  return head;
}

/** The lower half of the server's capabilities: behind the version, thread, eight octets of salt and a filler. */
function capabilitiesIn(greeting: Buffer, exchange: Exchange): number {
  const versionEnd = greeting.indexOf(0, 1);
  const offset = versionEnd + 1 + 4 + 8 + 1;
  if (versionEnd < 0 || offset + 2 > greeting.length) throw exchange.foreign();
  return greeting.readUInt16LE(offset);
}

function turnedAway(exchange: Exchange, body: Buffer): Error {
  const code = body.length < 3 ? 0 : body.readUInt16LE(1);
  switch (code) {
    case HOST_IS_BLOCKED:
      return exchange.failure(
        'service_error',
        'greets with error 1129: it has blocked this host after too many broken connections; run FLUSH HOSTS there and see who breaks them',
      );
    case HOST_NOT_PRIVILEGED:
      return exchange.failure(
        'service_error',
        'greets with error 1130: none of its accounts may log in from this host, and to strangers it shows no certificate; an account for this host that may do nothing is enough',
      );
    default:
      return exchange.failure('service_error', `greets with error ${code}: it turns notafter away; see its log`);
  }
}
