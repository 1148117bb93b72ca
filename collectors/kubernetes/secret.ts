import { matchesGlob } from 'node:path';

import { CollectError } from '../../src/plugin/error.ts';
import type { Item } from '../../src/plugin/item.ts';
import { secretOf } from '../../src/plugin/options.ts';
import type { Value } from './content.ts';
import type { Facts } from './facts.ts';
import { bytesIn, dict, text, texts, type KubeObject } from './object.ts';
import { CERTIFICATE_KEYS, type OtherSecrets } from './options.ts';
import {
  attributesOf,
  decodeValues,
  isTrustedKey,
  readValues,
  type Reader,
  type Reading,
  type ReadingParts,
} from './reading.ts';
import { managedLabels, renewalOf, type PasswordRef } from './renewal.ts';
import { pathOf, resourceCalled } from './resource.ts';
import { sortedUse, useKey } from './use.ts';

export const TLS_TYPE = 'kubernetes.io/tls';
/** Where a Secret of that type has its certificate, and its key: that is compared with the certificate, and dropped. */
const TLS_CERTIFICATE = 'tls.crt';
const TLS_KEY = 'tls.key';
/** What an operator puts there for somebody to log in with. */
const CLIENT_KEY = /(?:^|[-_.])(?:client|user)(?:[-_.]|$)/i;

const PASSWORD_KEY = /pass(?:word|phrase)?|storepass/i;
const MAX_PASSWORD = 256;
/** Each that is tried may cost a long derivation. */
const MAX_PASSWORDS = 10;

/** What cert-manager writes on a Secret that it keeps. */
const MANAGED_BY = 'cert-manager.io/certificate-name';

/** Secrets of the type kubernetes.io/tls, and those of other types that the config names. */
export const secretReader: Reader = {
  depends(object, { facts, context }) {
    const use = facts.uses.get(useKey('Secret', object.namespace, object.name));
    return [sortedUse(use), renewalFor(object, facts, context.clock.now()), labelsFor(object, facts)];
  },

  async read(object, parts) {
    const data = texts(object.body['data']);
    const isTls = text(object.body['type']) === TLS_TYPE;
    const entries = parts.given.other_secrets.filter((entry) => isMeant(object, entry));
    if (!isTls && entries.length === 0) return undefined;
    const wanted = Object.keys(data).filter((name) => isWanted(name, isTls, entries));
    const decoded = decodeValues(
      wanted.map((name) => [name, data[name]]),
      parts.where,
    );
    const values = await describeValues(object, data, decoded.values, isTls, parts);
    const reading = await readOpening(object, data, values, entries, parts);
    const missing = isTls && data[TLS_CERTIFICATE] === undefined ? [noCertificate(parts.where)] : [];
    const problems = [...missing, ...decoded.problems];
    if (problems.length === 0) return reading;
    return {
      items: reading?.items ?? [],
      problems: [...problems, ...(reading?.problems ?? [])],
      isVolatile: reading?.isVolatile ?? false,
    };
  },
};

function noCertificate(where: string): { reason: 'empty'; place: string; detail: string } {
  return { reason: 'empty', place: TLS_CERTIFICATE, detail: `${where} has no ${TLS_CERTIFICATE}` };
}

async function describeValues(
  object: KubeObject,
  data: Readonly<Record<string, string>>,
  decoded: readonly { readonly place: string; readonly bytes: Buffer }[],
  isTls: boolean,
  { where, facts, contents }: ReadingParts,
): Promise<readonly Value[]> {
  const use = facts.uses.get(useKey('Secret', object.namespace, object.name));
  const isPresented = use !== undefined && use.presenting.size > 0 && use.serving.size === 0;
  const key = isTls && data[TLS_CERTIFICATE] !== undefined ? data[TLS_KEY] : undefined;
  const keys =
    key === undefined || key === ''
      ? undefined
      : { at: `${where} ${TLS_KEY}`, parts: await contents.readKey(Buffer.from(key, 'base64')) };
  return decoded.map(({ place, bytes }) => ({
    place,
    where: `${where} ${place}`,
    bytes,
    isTrusted: isTrustedKey(place),
    passwords: [],
    ...(isPresented || CLIENT_KEY.test(place) ? { leafRole: 'client' as const } : {}),
    ...(place === TLS_CERTIFICATE && keys !== undefined ? { keys } : {}),
  }));
}

/** Passwords are asked for only where something does not open without: certificates in Java's keystores do. */
async function readOpening(
  object: KubeObject,
  data: Readonly<Record<string, string>>,
  values: readonly Value[],
  entries: readonly OtherSecrets[],
  parts: ReadingParts,
): Promise<Reading> {
  const { facts, context, contents } = parts;
  const key = useKey('Secret', object.namespace, object.name);
  const renewal = renewalFor(object, facts, context.clock.now());
  const attributes = attributesOf(facts.uses.get(key), renewal, labelsFor(object, facts));
  const first = await readValues(values, contents, attributes);
  const locked = new Set(
    (first?.problems ?? []).flatMap(({ reason, place }) => (reason === 'wrong_password' ? (place ?? []) : [])),
  );
  if (locked.size === 0) return first;
  const { known, failures } = await passwordsFor(object, data, entries, parts);
  if (known.length === 0 && failures.length === 0) return first;
  const again = await readValues(
    values.map((value) => (locked.has(value.place) ? { ...value, passwords: known } : value)),
    contents,
    attributes,
  );
  if (again === undefined || failures.length === 0) return again;
  const why = failures.join('; ');
  return {
    ...again,
    problems: again.problems.map((problem) =>
      problem.reason === 'wrong_password' ? { ...problem, detail: `${problem.detail}; ${why}` } : problem,
    ),
  };
}

function isMeant({ namespace = '', name, body }: KubeObject, { match, type }: OtherSecrets): boolean {
  return (text(body['type']) ?? 'Opaque') === type && matchesGlob(`${namespace}/${name}`, match);
}

function isWanted(key: string, isTls: boolean, entries: readonly OtherSecrets[]): boolean {
  if (isTls && key === TLS_KEY) return false;
  const patterns = [...(isTls ? CERTIFICATE_KEYS : []), ...entries.flatMap(({ keys }) => keys)];
  return patterns.some((pattern) => matchesGlob(key, pattern));
}

/** How the certificate is renewed, where that is known. */
function renewalFor({ namespace, name, annotations }: KubeObject, facts: Facts, now: number): Item['renewal'] {
  const state = facts.certificates?.get(useKey('Secret', namespace, name));
  if (state !== undefined) return renewalOf(state, facts.issuerFaults, now);
  if (annotations[MANAGED_BY] === undefined) return undefined;
  // Its Certificate was deleted, and the Secret stays behind: nobody renews it any more.
  return facts.certificates === undefined ? { mode: 'automatic' } : { mode: 'manual' };
}

/** Which Certificate keeps it, and who issues it. */
function labelsFor({ namespace, name }: KubeObject, facts: Facts): Item['labels'] {
  const state = facts.certificates?.get(useKey('Secret', namespace, name));
  return state === undefined ? undefined : managedLabels(state);
}

/** Passwords for the keystores of a Secret, the most certain first, and why some could not be had. */
async function passwordsFor(
  object: KubeObject,
  data: Readonly<Record<string, string>>,
  entries: readonly OtherSecrets[],
  parts: ReadingParts,
): Promise<{ readonly known: readonly string[]; readonly failures: readonly string[] }> {
  const { facts, context } = parts;
  const failures: string[] = [];
  const attempt = async (read: () => Promise<readonly string[]>): Promise<readonly string[]> => {
    try {
      return await read();
    } catch (error) {
      parts.signal.throwIfAborted();
      failures.push(error instanceof Error ? error.message : String(error));
      return [];
    }
  };
  const state = facts.certificates?.get(useKey('Secret', object.namespace, object.name));
  const references = [
    ...entries.flatMap(({ password_secret: reference }) => reference ?? []),
    ...(state?.keystorePasswords ?? []),
  ];
  const known = new Set<string>();
  for (const reference of references) {
    for (const password of await attempt(() => readPassword(reference, object.namespace, parts))) known.add(password);
  }
  for (const entry of entries) {
    const reference = secretOf(entry, 'password');
    if (reference === undefined) continue;
    const lines = await attempt(async () => (await context.secret(reference)).split(/\r?\n/));
    for (const password of lines.filter((one) => one !== '')) known.add(password);
  }
  for (const [name, value] of Object.entries(data)) {
    if (!PASSWORD_KEY.test(name) || value.length > 2 * MAX_PASSWORD) continue;
    const password = Buffer.from(value, 'base64').toString('utf8');
    if (password.length <= MAX_PASSWORD) known.add(password.replace(/\r?\n$/, ''));
  }
  return { known: [...known].slice(0, MAX_PASSWORDS), failures };
}

async function readPassword(
  { name, key }: PasswordRef,
  namespace: string | undefined,
  { api, signal }: ReadingParts,
): Promise<readonly string[]> {
  const ask = {
    verb: 'get',
    resource: 'secrets',
    group: '',
    ...(namespace === undefined ? {} : { namespace }),
  } as const;
  const secret = dict(await api.get(pathOf(resourceCalled('secrets'), 'v1', namespace, name), ask, signal));
  const value = dict(secret['data'])[key];
  if (text(value) === undefined) {
    throw new CollectError('not_found', `the Secret ${namespace ?? ''}/${name} has no ${key} with the password`);
  }
  return [
    bytesIn(value)
      .toString('utf8')
      .replace(/\r?\n$/, ''),
  ];
}
