import { basename, extname } from 'node:path';

import type { Certificate } from '../../src/certificate/certificate.ts';
import type { Known } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item } from '../../src/plugin/item.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import { contentOf, type Content, type FileSite, type KeyFile } from './content.ts';
import type { Failure } from './failure.ts';
import type { Folder } from './folder.ts';
import { findSuccessors, mattersFrom } from './leftover.ts';
import type { Options } from './options.ts';
import { createPasswords } from './password.ts';
import { pathTest } from './pattern.ts';
import { isFailure, ownBytes, readBounded, readRegular, stateOf, type FileContent, type FileState } from './read.ts';
import { Repeats } from './repeats.ts';
import { layoutOf } from './role.ts';
import { mayBeStructured, readStructured } from './structured.ts';

/** Files of which something is remembered between looks, at most. */
const MAX_REMEMBERED = 200_000;
/** A private key, and what lies beside an ended certificate, is small. */
const MAX_BESIDE_BYTES = 256 * 1024;

/** What is written twice within this time may have the same time of its last change. */
const CLOCK_TICK_MS = 20;
/** While a pair is being replaced, one of the two is new and the other old. */
const PAIR_GRACE_MS = 60_000;

/** Names that promise a certificate, a CRL or a keystore: what cannot be read there is worth telling. */
const EXPECTED: ReadonlySet<string> = new Set(
  'pem crt cer cert der ca-bundle crl p7b p7c p12 pfx jks jceks bks bcfks keystore truststore kubeconfig ovpn'
    .split(' ')
    .map((name) => `.${name}`),
);

/** Names that promise a private key; that nobody may read it is as it should be. */
const KEY_EXTENSION = '.key';

/** One file, as the walk met it. */
export interface Entry {
  readonly path: string;
  readonly name: string;
  readonly folder: Folder;
  /** It is a path of the config itself. */
  readonly named: boolean;
}

/** What a look at a file gives; nothing for a file that is none of ours. */
export type Looked = Observation | undefined;

export interface FileLooker {
  /** At once where nothing has to be waited for: most files are as they were, or like others. */
  look(entry: Entry, known: Known): Looked | Promise<Looked>;
  /** Whether something that cannot be read is worth telling: nobody knows what it holds. */
  isWorthTelling(path: string, named: boolean, failure: Failure): boolean;
}

export function createLooker(given: Options, context: Context): FileLooker {
  const passwordsFor = createPasswords(given.passwords, context);
  const roles = given.roles.map(({ match, role }) => ({ matches: pathTest(match), role }));
  const repeats = new Repeats();
  /** Files that hold nothing for us, by path, with the version at which that was so: they are not read again. */
  const dull = new Map<string, string>();
  /** Files that were reported though their name promises nothing: when they break, it is told. */
  const reported = new Set<string>();

  function look(entry: Entry, known: Known): Looked | Promise<Looked> {
    const { path, named } = entry;
    const before = known.version(path);
    const dullAt = named ? undefined : dull.get(path);
    if (before !== undefined || dullAt !== undefined) {
      const state = stateOf(path);
      if (isFailure(state)) return failure(entry, state);
      if (dullAt === state.version) return undefined;
      dull.delete(path);
      if (before !== undefined && isUnchanged(before, versionOf(state, entry), context.clock.now())) {
        remember(path);
        return { location: path, version: before, unchanged: true, items: [], problems: [] };
      }
    }

    const content = named ? readBounded(path, given.max_bytes) : readRegular(path, given.max_bytes);
    if (isFailure(content)) return failure(entry, content);
    const repeated = repeats.get(content.bytes);
    if (repeated !== undefined && entry.folder.keyFor(entry.name) === undefined) {
      return conclude(entry, content.state, contentOf(repeated, siteOf(entry), []));
    }
    return readAnew(entry, content);
  }

  async function readAnew(entry: Entry, content: FileContent): Promise<Looked> {
    const { state } = content;
    const mine = ownBytes(content);
    const keyFile = await keyFileOf(entry);
    try {
      return await conclude(entry, state, await read(mine, siteOf(entry, keyFile)), keyFile?.state);
    } catch (error) {
      if (!(error instanceof CollectError)) throw error;
      return failure(entry, { reason: error.reason, detail: `${entry.path}: ${error.message}` });
    }
  }

  async function read(bytes: Buffer, site: FileSite): Promise<Content> {
    const passwords = await passwordsFor(site.path);
    const hints = { passwords: passwords.known };
    if (mayBeStructured(bytes)) {
      const { isolate } = context;
      const parse = async (part: Uint8Array) => (await context.parse(part, hints)).parts;
      const structured = await readStructured(bytes, site, { isolate, parse });
      if (structured !== undefined) return structured;
    }
    const container = await context.parse(bytes, hints);
    repeats.note(bytes, container);
    return contentOf(container, site, passwords.problems);
  }

  function siteOf({ path, name }: Entry, keyFile?: KeyFile): FileSite {
    const role = roles.find(({ matches }) => matches(path))?.role;
    return { path, layout: layoutOf(path, name), role, keyFile };
  }

  /** The key beside a certificate. That it cannot be read is no gap: it would only have been compared. */
  async function keyFileOf({
    path,
    name,
    folder,
  }: Entry): Promise<(KeyFile & { readonly state: FileState }) | undefined> {
    const keyName = folder.keyFor(name);
    if (keyName === undefined) return undefined;
    const keyPath = path.slice(0, path.length - name.length) + keyName;
    const content = readBounded(keyPath, MAX_BESIDE_BYTES);
    if (isFailure(content)) return undefined;
    const bytes = ownBytes(content);
    const { known } = await passwordsFor(keyPath);
    const { parts } = await context.parse(bytes, { passwords: known });
    const keys = parts.filter((part) => part.kind === 'private-key');
    return { path: keyPath, keys, isCertain: !folder.sharesKey(name), state: content.state };
  }

  /** What is told of a content. */
  function conclude(entry: Entry, state: FileState, content: Content, keyState?: FileState): Looked | Promise<Looked> {
    const { path, named } = entry;
    if (content.kind !== 'items') {
      if (isMissing(content, path, named)) return failed(path, content.failure);
      if (dull.size < MAX_REMEMBERED) dull.set(path, state.version);
      return undefined;
    }
    remember(path);
    const now = context.clock.now();
    const endsSoonestAt = Math.min(...content.leaves.map(({ certificate }) => mattersFrom(certificate) ?? Infinity));
    if (endsSoonestAt <= now) return withSuccessors(entry, content, now);

    const items = keyState === undefined ? content.items : settled(content.items, [state, keyState], now);
    const isFresh = isWithin(state.changedAt, now, CLOCK_TICK_MS) || items !== content.items;
    if (content.isVolatile || isFresh) return { location: path, items, problems: content.problems };
    const until = Number.isFinite(endsSoonestAt) ? `@${endsSoonestAt.toString(36)}` : '';
    // Of the key as it was when it was compared: it may have been replaced since.
    const version = keyState === undefined ? versionOf(state, entry) : joined(state, keyState);
    return { location: path, version: version + until, items, problems: content.problems };
  }

  /** An ended certificate is read again at each look: what lies beside it decides what it means. */
  async function withSuccessors(
    { path, folder, name }: Entry,
    { items, leaves, problems }: Extract<Content, { kind: 'items' }>,
    now: number,
  ): Promise<Observation> {
    const successors = await findSuccessors(leaves, { path, folder, name, now, readLeaves });
    const successorOf = new Map([...successors].map(([leaf, where]) => [leaf.item, where]));
    return {
      location: path,
      items: items.map((item) => {
        const supersededBy = successorOf.get(item);
        return supersededBy === undefined ? item : { ...item, supersededBy };
      }),
      problems,
    };
  }

  async function readLeaves(path: string): Promise<readonly Certificate[]> {
    const content = readBounded(path, MAX_BESIDE_BYTES);
    if (isFailure(content)) return [];
    const { parts } = await context.parse(ownBytes(content));
    return parts.flatMap((part) => (part.kind === 'certificate' && !part.certificate.isCa ? [part.certificate] : []));
  }

  function failure(entry: Entry, why: Failure): Looked {
    // One that went while we walked is no failure: not yielding it says that it is gone.
    if (why.reason === 'not_found' && !entry.named) return undefined;
    return isWorthTelling(entry.path, entry.named, why) ? failed(entry.path, why) : undefined;
  }

  /** Whether a file without certificates ought to have some. */
  function isMissing(content: Exclude<Content, { kind: 'items' }>, path: string, named: boolean): boolean {
    switch (content.kind) {
      case 'unread':
        return true;
      case 'broken':
        return named || isExpected(path) || reported.has(path);
      case 'other':
        return named;
    }
  }

  function isWorthTelling(path: string, named: boolean, { reason }: Failure): boolean {
    if (named || isExpected(path) || reported.has(path)) return true;
    return reason === 'permission_denied' && extname(path) !== KEY_EXTENSION;
  }

  function remember(path: string): void {
    if (reported.size < MAX_REMEMBERED && !isExpected(path)) reported.add(path);
  }

  return { look, isWorthTelling };
}

/** The version of a file and of the key beside it, of which one or the other may change. */
function versionOf({ version }: FileState, { path, name, folder }: Entry): string {
  const key = folder.keyFor(name);
  if (key === undefined) return version;
  const state = stateOf(path.slice(0, path.length - name.length) + key);
  return isFailure(state) ? `${version}+${state.reason}` : joined({ version }, state);
}

function joined({ version }: Pick<FileState, 'version'>, key: FileState): string {
  return `${version}+${key.version}`;
}

/** Whether what was read at `before` holds still: the same version, and nothing in it has come near its end. */
function isUnchanged(before: string, version: string, now: number): boolean {
  if (!before.startsWith(version)) return false;
  if (before.length === version.length) return true;
  return before[version.length] === '@' && now < Number.parseInt(before.slice(version.length + 1), 36);
}

/** Without the word that a key does not fit, as long as certificate or key have just been written. */
function settled(items: readonly Item[], states: readonly FileState[], now: number): readonly Item[] {
  if (!states.some(({ changedAt }) => isWithin(changedAt, now, PAIR_GRACE_MS))) return items;
  if (!items.some(({ key }) => key?.match === 'no')) return items;
  return items.map((item) => {
    if (item.key?.match !== 'no') return item;
    const { key: _, ...rest } = item;
    return rest;
  });
}

function isWithin(at: number, now: number, ms: number): boolean {
  return at <= now && now - at < ms;
}

function isExpected(path: string): boolean {
  return EXPECTED.has(extname(path).toLowerCase());
}

export function failed(path: string, { reason, detail }: Failure): Observation {
  return { location: path, items: [], problems: [{ reason, detail }] };
}

/** A path of the config that is a file itself. */
export function namedEntry(path: string, folder: Folder): Entry {
  return { path, name: basename(path), folder, named: true };
}
