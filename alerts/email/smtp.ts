import { readFile } from 'node:fs/promises';
import { isIP, type Socket } from 'node:net';

import type { SendMailOptions, SMTPSentMessageInfo, SMTPTransportOptions, Transporter } from 'nodemailer';

import type { Context, SecretRef } from '../../src/plugin/context.ts';
import { requestFailure, secretFailure, type Failure } from '../../src/plugin/delivery.ts';
import { acceptedOutcome, refusedOutcome, type Outcome } from './outcome.ts';

/** Addresses of the server that are tried, one after the other. */
const MAX_ADDRESSES = 4;
/** RFC 8314 section 3.3. */
const IMPLICIT_TLS_PORT = 465;
/** A server that does not hang up after its last answer is hung up on, milliseconds. */
const CLOSE_MS = 1_000;

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
}

/** One connection for each mail: they are few, and a connection that was kept may be dead when it matters. */
export function createSmtp(server: SmtpServer, context: Context): Smtp {
  return {
    async send(message, { from, to }, signal) {
      const result = await converse(server, context, signal, (transport, ending): Promise<SMTPSentMessageInfo> =>
        transport.sendMail({ ...message, envelope: { from, to: [...to] }, signal: ending }),
      );
      return result.status === 'done' ? acceptedOutcome(result.value, result.conceal) : result.outcome;
    },
    async verify(signal) {
      const result = await converse(server, context, signal, (transport) => transport.verify());
      if (result.status === 'failed') throw new Error(result.outcome('')?.detail ?? 'the mail server cannot be used');
    },
  };
}

interface Secrets {
  readonly password: string | undefined;
  readonly ca: string | undefined;
}

type Conversation<T> =
  | { readonly status: 'done'; readonly value: T; readonly conceal: (text: string) => string }
  | { readonly status: 'failed'; readonly outcome: Outcome };

/** Runs the work on a connection of its own, which is gone afterwards whatever happens. */
async function converse<T>(
  server: SmtpServer,
  context: Context,
  signal: AbortSignal,
  work: (transport: Transporter<SMTPSentMessageInfo>, ending: AbortSignal) => Promise<T>,
): Promise<Conversation<T>> {
  let secrets: Secrets;
  try {
    secrets = await readSecrets(server, context);
  } catch (error) {
    return failedConversation(secretFailure(error));
  }
  const ending = AbortSignal.any([signal, AbortSignal.timeout(server.timeoutMs)]);
  const opened = await openSocket(server, context, ending);
  if (opened.status === 'failed') return failedConversation(opened.failure);
  const { socket } = opened;
  // Hung up on in any case: some waits of the library heed no signal.
  const hangUp = (): void => void socket.destroy();
  ending.addEventListener('abort', hangUp, { once: true });
  const conceal = concealing(secrets.password);
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({
    ...transportOptions(server, secrets),
    getSocket: (_options, done) => done(null, { connection: socket }),
  });
  try {
    return { status: 'done', value: await work(transport, ending), conceal };
  } catch (error) {
    if (ending.aborted) return failedConversation(requestFailure(error, ending));
    return { status: 'failed', outcome: refusedOutcome(error, conceal) };
  } finally {
    ending.removeEventListener('abort', hangUp);
    transport.close();
  }
}

function failedConversation(failure: Failure): Conversation<never> {
  return { status: 'failed', outcome: () => failure };
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

type Opened =
  { readonly status: 'open'; readonly socket: Socket } | { readonly status: 'failed'; readonly failure: Failure };

/** Connects to the first address that answers; each gets its share of the time. */
async function openSocket(
  { host, port, timeoutMs }: SmtpServer,
  { network }: Context,
  signal: AbortSignal,
): Promise<Opened> {
  let failure: Failure = { reason: 'network', detail: `the mail server ${host} has no address`, retryable: true };
  try {
    const addresses = (await network.resolve(host, signal)).slice(0, MAX_ADDRESSES);
    for (const { address } of addresses) {
      const share = AbortSignal.timeout(Math.ceil(timeoutMs / (addresses.length + 1)));
      try {
        return { status: 'open', socket: await network.connect(address, port, AbortSignal.any([signal, share])) };
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
  return { status: 'failed', failure };
}

function transportOptions(server: SmtpServer, secrets: Secrets): SMTPTransportOptions {
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
}: SmtpServer): Pick<SMTPTransportOptions, 'secure' | 'requireTLS' | 'ignoreTLS'> {
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
