import { readFile } from 'node:fs/promises';
import { isIP, type Socket } from 'node:net';

import type { SendMailOptions, SMTPPoolOptions, SMTPPoolSentMessageInfo, Transporter } from 'nodemailer';

import type { Context, SecretRef } from '../../src/plugin/context.ts';
import { requestFailure, secretFailure, type Failure } from '../../src/plugin/delivery.ts';
import { acceptedOutcome, refusedOutcome, type Outcome } from './outcome.ts';

/** Addresses of the server that are tried, one after the other. */
const MAX_ADDRESSES = 4;
/** RFC 8314 section 3.3. */
const IMPLICIT_TLS_PORT = 465;
/** A server that does not hang up after its last answer is hung up on, milliseconds. */
const CLOSE_MS = 1_000;
/** A connection without a mail is ended after this time, milliseconds. */
const IDLE_MS = 2_000;

export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  readonly secure: 'auto' | 'starttls' | 'tls' | 'none';
  readonly username: string | undefined;
  readonly password: SecretRef | undefined;
  readonly caFile: string | undefined;
  /** Deadline over everything: connecting, logging in, sending. */
  readonly timeoutMs: number;
  readonly helo: string;
}

export interface Envelope {
  readonly from: string;
  readonly to: readonly string[];
}

export interface Smtp {
  send(message: SendMailOptions, envelope: Envelope, signal: AbortSignal): Promise<Outcome>;
  /** Connects and logs in. Throws an Error worth reading. */
  verify(signal: AbortSignal): Promise<void>;
  /** Hangs up. */
  close(): void;
}

interface Secrets {
  readonly password: string | undefined;
  readonly ca: string | undefined;
}

/** One connection at a time, for mails that follow each other. */
interface Line {
  readonly secrets: Secrets;
  readonly transport: Transporter<SMTPPoolSentMessageInfo>;
  /** Hangs up at once, whatever is under way: some waits of the library heed no signal. */
  hangUp(): void;
}

type Conversation<T> =
  | { readonly status: 'done'; readonly value: T; readonly conceal: (text: string) => string }
  | { readonly status: 'failed'; readonly outcome: Outcome };

/**
 * Mails that follow each other share a connection: a greeting, TLS and a login for each would hold up a storm, and many
 * servers count connections. It is given up soon after the last of them, since one that was kept may be dead when it matters.
 */
export function createSmtp(server: SmtpServer, context: Context): Smtp {
  let line: Line | undefined;

  /** The connection, or a new one where the secrets have changed since. */
  async function lineWith(secrets: Secrets): Promise<Line> {
    if (line !== undefined && line.secrets.password === secrets.password && line.secrets.ca === secrets.ca) return line;
    line?.hangUp();
    const opened = await openLine(server, secrets, context);
    line = opened;
    return opened;
  }

  function hangUp(): void {
    line?.hangUp();
    line = undefined;
  }

  async function converse<T>(
    signal: AbortSignal,
    work: (transport: Line['transport'], ending: AbortSignal) => Promise<T>,
  ): Promise<Conversation<T>> {
    const secrets = await readSecrets(server, context).catch(secretFailure);
    if ('reason' in secrets) return { status: 'failed', outcome: () => secrets };
    const conceal = concealing(secrets.password);
    const ending = AbortSignal.any([signal, AbortSignal.timeout(server.timeoutMs)]);
    ending.addEventListener('abort', hangUp, { once: true });
    try {
      const { transport } = await lineWith(secrets);
      ending.throwIfAborted();
      const value = await work(transport, ending);
      return { status: 'done', value, conceal };
    } catch (error) {
      if (error instanceof Unreachable) return { status: 'failed', outcome: () => error.failure };
      if (ending.aborted) return { status: 'failed', outcome: () => requestFailure(error, ending) };
      return { status: 'failed', outcome: refusedOutcome(error, conceal) };
    } finally {
      ending.removeEventListener('abort', hangUp);
    }
  }

  return {
    async send(message, { from, to }, signal) {
      const result = await converse(signal, (transport, ending) =>
        transport.sendMail({ ...message, envelope: { from, to: [...to] }, signal: ending }),
      );
      return result.status === 'done' ? acceptedOutcome(result.value, result.conceal) : result.outcome;
    },
    async verify(signal) {
      const result = await converse(signal, (transport) => transport.verify());
      if (result.status === 'failed') throw new Error(result.outcome('')?.detail ?? 'the mail server cannot be used');
    },
    close: hangUp,
  };
}

/** Connects when the first mail comes. */
async function openLine(server: SmtpServer, secrets: Secrets, context: Context): Promise<Line> {
  const { createTransport } = await import('nodemailer');
  const closing = new AbortController();
  const sockets = new Set<Socket>();
  const options: SMTPPoolOptions & { pool: true } = {
    ...transportOptions(server, secrets),
    pool: true,
    maxConnections: 1,
    // Once more on a new connection, where the server had hung up before it was given anything of the mail.
    maxRequeues: 1,
    idleTimeout: IDLE_MS,
    getSocket(_options, done) {
      const ending = AbortSignal.any([closing.signal, AbortSignal.timeout(server.timeoutMs)]);
      openSocket(server, context, ending).then(
        (connection) => {
          sockets.add(connection);
          connection.once('close', () => sockets.delete(connection));
          done(null, { connection });
        },
        (error: Error) => done(error),
      );
    },
  };
  const transport = createTransport(options);
  return {
    secrets,
    transport,
    hangUp() {
      closing.abort();
      transport.close({ force: true });
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function readSecrets(server: SmtpServer, context: Context): Promise<Secrets> {
  return {
    password: server.password === undefined ? undefined : await context.secret(server.password),
    ca: server.caFile === undefined ? undefined : await readCa(server.caFile),
  };
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new Error(`the CA file ${file} cannot be read (${code})`, { cause: error });
  }
}

/** There is no connection to the server; the library only hands it on. */
class Unreachable extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.detail);
    this.failure = failure;
  }
}

/** Connects to the first address that answers; each gets its share of the time. Throws `Unreachable`. */
async function openSocket(
  { host, port, timeoutMs }: SmtpServer,
  { network }: Context,
  signal: AbortSignal,
): Promise<Socket> {
  let failure: Failure = { reason: 'network', detail: `the mail server ${host} has no address`, retryable: true };
  try {
    const addresses = (await network.resolve(host, signal)).slice(0, MAX_ADDRESSES);
    for (const { address } of addresses) {
      const share = AbortSignal.timeout(Math.ceil(timeoutMs / (addresses.length + 1)));
      try {
        return await network.connect(address, port, AbortSignal.any([signal, share]));
      } catch (error) {
        if (signal.aborted) throw error;
        failure = share.aborted
          ? { reason: 'timeout', detail: `${address} port ${port} did not answer in time`, retryable: true }
          : requestFailure(error, signal);
      }
    }
  } catch (error) {
    failure = requestFailure(error, signal);
  }
  throw new Unreachable(failure);
}

function transportOptions(server: SmtpServer, secrets: Secrets): SMTPPoolOptions {
  const { host, port, username, timeoutMs, helo } = server;
  return {
    host,
    port,
    name: helo,
    ...protection(server),
    tls: {
      minVersion: 'TLSv1.2',
      rejectUnauthorized: isGuarded(server),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(secrets.ca === undefined ? {} : { ca: secrets.ca }),
    },
    ...(username === undefined ? {} : { auth: { user: username, pass: secrets.password ?? '' }, forceAuth: true }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    socketCloseTimeout: CLOSE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
    logger: false,
  };
}

function protection({
  secure,
  port,
  ...server
}: SmtpServer): Pick<SMTPPoolOptions, 'secure' | 'requireTLS' | 'ignoreTLS'> {
  switch (secure) {
    case 'auto':
      return { secure: port === IMPLICIT_TLS_PORT, requireTLS: isGuarded({ secure, port, ...server }) };
    case 'starttls':
      return { secure: false, requireTLS: true };
    case 'tls':
      return { secure: true };
    case 'none':
      return { secure: false, ignoreTLS: true };
  }
}

/**
 * Whether the server must prove itself. Where TLS was not asked for, no CA was named and no password is at stake, it is taken as it comes,
 * as mail servers do among themselves (RFC 7435): an unproven encryption is better than none.
 */
function isGuarded({ secure, username, host, caFile }: SmtpServer): boolean {
  return secure !== 'auto' || caFile !== undefined || (username !== undefined && !isLoopback(host));
}

/** Mail that does not leave the machine needs no protection on its way. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** Takes the password out of what a server said, in the forms in which it was given it. */
function concealing(password: string | undefined): (text: string) => string {
  if (password === undefined) return (text) => text;
  const encoded = Buffer.from(password).toString('base64');
  return (text) => text.replaceAll(password, '…').replaceAll(encoded, '…');
}
