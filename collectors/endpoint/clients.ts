import { hash } from 'node:crypto';

import { z } from 'zod';

import type { Certificate } from '../../src/certificate/certificate.ts';
import { clientPlace } from '../../src/plugin/client.ts';
import type { Context } from '../../src/plugin/context.ts';
import type { Item, Reference } from '../../src/plugin/item.ts';
import type { Problem } from '../../src/plugin/observation.ts';
import { secretFields, secretOf } from '../../src/plugin/options.ts';
import type { Reason } from '../../src/plugin/reason.ts';
import {
  IdentityError,
  identityFromPem,
  identityFromPkcs12,
  type ClientIdentity,
} from '../../src/tls/rehearse/identity.ts';
import { fileFailure, readBoundedFile, type FileFailure } from './bounded-file.ts';

/** A key, a chain or a keystore is a few kilobytes. */
const MAX_FILE_BYTES = 1024 * 1024;

/** Passwords that are tried on one key. */
const MAX_PASSWORDS = 100;

/** What a client may be called. */
export const CLIENT_NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;

const path = z.string().min(1);

const client = z
  .strictObject({
    name: z
      .string()
      .regex(CLIENT_NAME, 'letters, digits, dots, dashes and underscores, at most 64')
      .describe('How this client is called: its certificate has the place client/<name>.'),
    certificate_file: path
      .optional()
      .describe('The client certificate, and behind it the intermediates to send; PEM, or DER for one alone.'),
    key_file: path.optional().describe('The private key of the client certificate, PEM.'),
    pkcs12_file: path.optional().describe('Certificate, intermediates and key in one PKCS#12 keystore, instead.'),
    ...secretFields('password', 'Password of the key or the keystore'),
    password_file: z
      .union([path, z.array(path).min(1)])
      .optional()
      .describe(
        'Files with the password of the key or the keystore. Of several lines each is tried. Read at each use.',
      ),
  })
  .refine((given) => (given.certificate_file !== undefined) === (given.key_file !== undefined), {
    message: 'certificate_file and key_file go together',
    path: ['key_file'],
  })
  .refine((given) => (given.certificate_file !== undefined) !== (given.pkcs12_file !== undefined), {
    message: 'give either certificate_file and key_file, or pkcs12_file',
    path: ['pkcs12_file'],
  })
  .refine((given) => given.password === undefined || given.password_file === undefined, {
    message: 'give either password or password_file, not both',
    path: ['password'],
  });

type ClientOptions = z.output<typeof client>;

export const clientsOption = z
  .array(client)
  .max(50)
  .superRefine((clients, check) => {
    const names = clients.map(({ name }) => name);
    for (const [index, name] of names.entries()) {
      if (names.indexOf(name) === index) continue;
      check.addIssue({ code: 'custom', path: [index, 'name'], message: `there is another client named ${name}` });
    }
  })
  .default([])
  .describe(
    'Client identities to log in with at every address, for the verdict of the server. Shown to the targets of this source and to nobody else.',
  );

/** One configured client, as its files were at this look. */
export interface Client {
  readonly name: string;
  /** Absent when it cannot be used: a problem says why. */
  readonly identity?: ClientIdentity;
  readonly items: readonly Item[];
  readonly problems: readonly Problem[];
}

/** Reads the clients anew whenever it is called, for whoever they are shown to. Never fails for a client's sake. */
export type LoadClients = (shownTo: Reference, signal: AbortSignal) => Promise<readonly Client[]>;

export function createClients(given: readonly ClientOptions[], context: Context): LoadClients {
  const readers = given.map((options) => ({ options, read: createReader(options, context) }));
  return (shownTo, signal) =>
    Promise.all(readers.map(async ({ options, read }) => toClient(options, await read(signal), shownTo)));
}

/** Why a client cannot be used. */
export interface ClientFault {
  readonly name: string;
  readonly reason: Reason;
  /** Names the file and what is wrong with it. Never a secret. */
  readonly detail: string;
  /** What of the client is at fault; absent when a file could not be read at all. */
  readonly part?: IdentityError['part'];
}

/** Reads each client once, as a look would, and tells of those that cannot be used. */
export async function faultsOf(
  given: readonly ClientOptions[],
  context: Context,
  signal: AbortSignal,
): Promise<readonly ClientFault[]> {
  const readings = await Promise.all(
    given.map(async (options) => ({ options, reading: await createReader(options, context)(signal) })),
  );
  return readings.flatMap(({ options, reading }) => faultOf(options, reading) ?? []);
}

/** The outcome of reading one client's files. */
type Reading =
  | { readonly kind: 'identity'; readonly identity: ClientIdentity }
  | { readonly kind: 'fault'; readonly error: IdentityError }
  | { readonly kind: 'file'; readonly failure: FileFailure };

/** Reads the files each time, and works out what they mean when they changed: opening a keystore is meant to be slow. */
function createReader(options: ClientOptions, context: Context): (signal: AbortSignal) => Promise<Reading> {
  let last: { readonly content: string; readonly reading: Reading } | undefined;
  return async (signal) => {
    const files =
      options.pkcs12_file === undefined ? [options.certificate_file, options.key_file] : [options.pkcs12_file];
    const bytes: Uint8Array[] = [];
    for (const file of files) {
      if (file === undefined) continue;
      const read = await readBoundedFile(file, MAX_FILE_BYTES, 'a certificate, a key or a keystore', signal);
      if (!(read instanceof Uint8Array)) return { kind: 'file', failure: read };
      bytes.push(read);
    }
    const passwords = await readPasswords(options, context);
    if ('reason' in passwords) return { kind: 'file', failure: passwords };
    const content = hash('sha256', JSON.stringify([bytes.map((part) => hash('sha256', part)), passwords]));
    if (last?.content !== content) last = { content, reading: await understand(options, bytes, passwords, signal) };
    return last.reading;
  };
}

async function understand(
  options: ClientOptions,
  [first = new Uint8Array(), second = new Uint8Array()]: readonly Uint8Array[],
  passwords: readonly string[],
  signal: AbortSignal,
): Promise<Reading> {
  try {
    const identity =
      options.pkcs12_file === undefined
        ? identityFromPem(first, second, passwords)
        : await identityFromPkcs12(first, passwords, signal);
    return { kind: 'identity', identity };
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error;
    return { kind: 'fault', error };
  }
}

/** Every password that may be the one. */
async function readPasswords(options: ClientOptions, context: Context): Promise<readonly string[] | FileFailure> {
  const { password, password_file: files = [] } = options;
  const direct = secretOf({ password }, 'password');
  const passwords: string[] = [];
  try {
    if (direct !== undefined) passwords.push(await context.secret(direct));
    for (const file of typeof files === 'string' ? [files] : files) {
      passwords.push(...(await context.secret({ file })).split(/\r?\n/));
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const cause = error.cause === undefined ? 'empty' : fileFailure(error.cause, '').reason;
    return { reason: cause, detail: `the password is missing: ${error.message}` };
  }
  return passwords.slice(0, MAX_PASSWORDS);
}

function toClient(options: ClientOptions, reading: Reading, shownTo: Reference): Client {
  const { name } = options;
  const place = clientPlace(name);
  const keyFile = keyFileOf(options);
  const fault = faultOf(options, reading);
  const problems = fault === undefined ? [] : [{ reason: fault.reason, place, detail: fault.detail }];
  switch (reading.kind) {
    case 'identity': {
      const { identity } = reading;
      return {
        name,
        identity,
        items: toItems(identity.chain, place, shownTo, { at: keyFile, match: 'yes' }),
        problems,
      };
    }
    case 'fault': {
      const { error } = reading;
      const key = error.keyMatch === undefined ? undefined : { at: keyFile, match: error.keyMatch };
      return { name, items: toItems(error.chain, place, shownTo, key), problems };
    }
    case 'file':
      return { name, items: [], problems };
  }
}

function faultOf(options: ClientOptions, reading: Reading): ClientFault | undefined {
  const { name } = options;
  switch (reading.kind) {
    case 'identity':
      return undefined;
    case 'fault': {
      const { reason, part, message } = reading.error;
      const file = part === 'certificate' ? (options.certificate_file ?? '') : keyFileOf(options);
      return { name, reason, detail: `${file} ${message}`, part };
    }
    case 'file':
      return { name, ...reading.failure };
  }
}

function keyFileOf(options: ClientOptions): string {
  return options.pkcs12_file ?? options.key_file ?? '';
}

function toItems(chain: readonly Certificate[], place: string, shownTo: Reference, key: Item['key']): readonly Item[] {
  return chain.map((certificate, index) => ({
    kind: 'certificate',
    der: certificate.der,
    place: { key: place, index },
    role: index === 0 ? 'client' : 'intermediate',
    usedBy: [shownTo],
    ...(index === 0 && key !== undefined ? { key } : {}),
  }));
}
