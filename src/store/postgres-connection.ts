import { setTimeout as sleep } from 'node:timers/promises';

import type { PostgresPool } from 'kysely';
import { Pool, types, type CustomTypesConfig } from 'pg';

/** Connections of one node. Looks wait for the network, not for the database: a few serve many. */
const CONNECTIONS = 8;
const CONNECT_DEADLINE_MS = 10_000;
/** A statement that takes longer is ended by the server. */
const STATEMENT_DEADLINE_MS = 60_000;
/** The server is given a moment to say so itself before this side gives it up. */
const ANSWER_DEADLINE_MS = STATEMENT_DEADLINE_MS + 5_000;
/** A node that is paused inside a transaction holds up all others: after this the server ends its session. */
const IDLE_IN_TRANSACTION_MS = 8_000;
/** Connections that went dead without a word are found out by then, seconds. */
const KEEPALIVE_IDLE_S = 10;

/** Work that met a database which was just not there is tried again for so long, */
const PATIENCE_MS = 20_000;
/** after pauses that grow from the first to the second. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

const INT8 = 20;
const BYTEA = 17;
const TEXT = 25;

/** Counts and times fit a number (they are below 2^53); bytes are plain. */
const readers: CustomTypesConfig = {
  getTypeParser(id: number, format?: string) {
    if (format !== 'binary' && id === INT8) return Number;
    if (format !== 'binary' && id === TEXT) return textOf;
    if (format !== 'binary' && id === BYTEA) return bytesOf;
    return types.getTypeParser(id, format as 'text') as unknown;
  },
};

export interface PostgresLog {
  warn(fields: object, message: string): void;
}

/** A pool of connections whose sessions end by themselves when this process is paused or gone. */
export function openPool(url: string, log: PostgresLog): Pool {
  const pool = new Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_DEADLINE_MS,
    statement_timeout: STATEMENT_DEADLINE_MS,
    query_timeout: ANSWER_DEADLINE_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_IDLE_S * 1000,
    application_name: 'notafter',
    options: `-c tcp_keepalives_idle=${KEEPALIVE_IDLE_S} -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3`,
    types: readers,
  });
  const lost = (error: Error): void => log.warn({ error: error.message }, 'a connection to the database was lost');
  // Whoever waits for an answer, or uses it next, gets an error; without a listener it would end the process.
  pool.on('connect', (client) => void client.on('error', lost));
  // It comes here, too, for a connection that nobody uses: it was logged.
  pool.on('error', () => {});
  return pool;
}

/** PostgreSQL takes no U+0000 in text, and what others wrote may hold one: there it is a character that stands for nothing. */
const NUL = '\u0000';
const NUL_STORED = '\uFDD0';

/** The same pool, for text of any content. */
export function harmless(pool: Pool): PostgresPool {
  return {
    options: pool.options,
    async connect() {
      const client = await pool.connect();
      const query = (text: string, values: readonly unknown[]): unknown => client.query(text, values.map(storable));
      return { query, release: () => client.release() } as Awaited<ReturnType<PostgresPool['connect']>>;
    },
    end: () => pool.end(),
  };
}

function storable(value: unknown): unknown {
  return typeof value === 'string' && value.includes(NUL) ? value.replaceAll(NUL, NUL_STORED) : value;
}

function textOf(stored: string): string {
  return stored.includes(NUL_STORED) ? stored.replaceAll(NUL_STORED, NUL) : stored;
}

/** Runs work that may run twice, again while the database is just not there. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error) || performance.now() + pause > deadline) throw error;
      await sleep(pause);
    }
  }
}

/** Classes of SQLSTATE: connection, transaction to be tried again, too few resources, shut down by somebody. */
const PASSING_CLASSES = new Set(['08', '40', '53', '57']);
const ENDED_IN_TRANSACTION = '25P03';
const CONNECTION_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN']);
/** Of node-postgres, which gives these no code. */
const CONNECTION_TEXT =
  /^(?:Connection terminated|Client has encountered a connection error|timeout e|Client was closed)/;

/** Whether an error says only that the database was away, or that another was in the way. */
export function isPassing(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isPassing);
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (CONNECTION_CODES.has(code) || code === ENDED_IN_TRANSACTION) return true;
  if (/^[0-9A-Z]{5}$/.test(code)) return PASSING_CLASSES.has(code.slice(0, 2)) && code !== '57014';
  return CONNECTION_TEXT.test(error.message);
}

/** The hex form, https://www.postgresql.org/docs/current/datatype-binary.html */
function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.slice(2), 'hex'));
}
