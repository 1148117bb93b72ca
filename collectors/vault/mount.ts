import { attempt, detailsCut, endsLook, listCut, missingFrom, unchanged } from '../../src/cloud/observation.ts';
import { roleOf } from '../../src/cloud/role.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { AbsentError } from './api.ts';
import { issuedOf, Newest, readVersion, versionOf, type Issued } from './issued.ts';
import { observeIssuers } from './issuer.ts';
import type { MountLook } from './look.ts';
import { readPart, type ReadPart } from './pem.ts';

/** OpenBao gives so many serials at once; Vault gives all. */
const PAGE_SIZE = 10_000;
const MAX_PAGES = 1_000;
/** Certificates that are held while it is found out which of them has a successor. */
const CHUNK = 2_000;
const CONCURRENCY = 8;

/** Everything that one PKI mount has: issuers with their lists, and what they issued. */
export async function* observeMount(look: MountLook): AsyncGenerator<Observation, void, undefined> {
  yield* observeIssuers(look);
  yield* observeIssued(look);
}

/**
 * What was issued and stored. What is known costs no call, since it never changes: only whether something newer was issued
 * for the same names is told anew. What has ended and has a successor is left out.
 */
async function* observeIssued(look: MountLook): AsyncGenerator<Observation, void, undefined> {
  const { mount, known, memory } = look;
  const { serials, revoked, error } = await listSerials(look);
  const gaps: Problem[] = error === undefined ? [] : [listCut(`${mount}/certs`, error)];
  const newest = new Newest();
  const current = serials.filter((serial) => !revoked.has(plain(serial)) && !memory.isDull(serial));
  for (const serial of current) {
    const location = locate(mount, serial);
    const issued = readVersion(known.version(location));
    if (issued !== undefined) newest.note(issued, location);
  }
  let stopped: CollectError | undefined;
  // What is new first: it tells which of the known ones have a successor now.
  const isKnown = (serial: string): boolean => readVersion(known.version(locate(mount, serial))) !== undefined;
  for (const group of [current.filter((serial) => !isKnown(serial)), current.filter(isKnown)]) {
    for (let from = 0; from < group.length; from += CHUNK) {
      const chunk = group.slice(from, from + CHUNK);
      const fetched = stopped === undefined ? await fetchAll(look, chunk.filter(isWanted), newest) : new Map();
      stopped ??= [...fetched.values()].find((one) => one instanceof CollectError && endsLook(one));
      for (const serial of chunk) {
        const observation = observe(look, serial, fetched.get(serial), newest);
        if (observation !== undefined) yield observation;
      }
    }
  }
  if (stopped !== undefined) gaps.push(detailsCut(`${mount}/cert`, stopped));
  yield* missingFrom(`${mount}/certs`, gaps);

  function isWanted(serial: string): boolean {
    const issued = readVersion(known.version(locate(mount, serial)));
    return issued === undefined || issued.isSuperseded !== (newest.successorOf(issued) !== undefined);
  }
}

/** One certificate as Vault gave it. */
interface Fetched {
  readonly read: ReadPart;
  /** Absent when it could not be read. */
  readonly issued?: Issued;
  readonly lifetimeMs: number;
  readonly isRevoked: boolean;
}

async function fetchAll(
  look: MountLook,
  serials: readonly string[],
  newest: Newest,
): Promise<Map<string, Fetched | CollectError>> {
  const fetched = new Map<string, Fetched | CollectError>();
  const queue = serials.values();
  let isStopped = false;
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (const serial of queue) {
        if (isStopped) return;
        const one = await attempt(fetchOne(look, serial));
        fetched.set(serial, one);
        if (one instanceof CollectError) isStopped ||= endsLook(one);
        else if (one.issued !== undefined && !one.isRevoked) newest.note(one.issued, locate(look.mount, serial));
      }
    }),
  );
  return fetched;
}

async function fetchOne({ session, mount, signal }: MountLook, serial: string): Promise<Fetched> {
  const data = await session.read(locate(mount, serial), signal);
  const { certificate: pem, revocation_time: revokedAt } = data;
  const read = readPart(typeof pem === 'string' ? pem : '', 'certificate', (found) =>
    found.isCa ? 'intermediate' : roleOf(found.extendedKeyUsage),
  );
  const [first] = read.items;
  const certificate = first?.kind === 'certificate' ? first.parsed : undefined;
  const isRevoked = typeof revokedAt === 'number' && revokedAt > 0;
  if (certificate === undefined) return { read, lifetimeMs: Infinity, isRevoked };
  const { notBefore, notAfter } = certificate;
  const isKnown = notBefore.status === 'known' && notAfter.status === 'known';
  return {
    read,
    issued: issuedOf(certificate),
    lifetimeMs: isKnown ? notAfter.at - notBefore.at : Infinity,
    isRevoked,
  };
}

function observe(
  { mount, known, memory, given, context }: MountLook,
  serial: string,
  fetched: Fetched | CollectError | undefined,
  newest: Newest,
): Observation | undefined {
  const location = locate(mount, serial);
  const before = known.version(location);
  if (fetched === undefined || (fetched instanceof CollectError && before !== undefined)) {
    const issued = readVersion(before);
    // What could not be asked for at all is told of as a whole.
    if (before === undefined || issued === undefined || isOver(issued)) return undefined;
    return unchanged(location, before);
  }
  if (fetched instanceof CollectError) {
    // Vault's own clean-up (tidy) came between the list and this.
    if (fetched instanceof AbsentError || endsLook(fetched)) return undefined;
    return { location, items: [], problems: [{ reason: fetched.reason, detail: fetched.message }] };
  }
  const { read, issued, lifetimeMs, isRevoked } = fetched;
  if (isRevoked || lifetimeMs < given.ignore_lifetime_under || (issued !== undefined && isOver(issued))) {
    memory.noteDull(serial);
    return undefined;
  }
  const successor = issued === undefined ? undefined : newest.successorOf(issued);
  const items: readonly Item[] =
    successor === undefined ? read.items : read.items.map((item) => ({ ...item, supersededBy: successor }));
  const version = issued === undefined ? {} : { version: versionOf(issued, successor !== undefined) };
  return { location, ...version, items, problems: read.problems };

  /** Nobody waits for it any more. */
  function isOver(one: Issued): boolean {
    const grace = newest.successorOf(one) === undefined ? given.keep_ended : 0;
    return one.endsAt + grace <= context.clock.now();
  }
}

interface Serials {
  readonly serials: readonly string[];
  /** Without separators. */
  readonly revoked: ReadonlySet<string>;
  /** Why the list is not whole. */
  readonly error?: CollectError;
}

async function listSerials(look: MountLook): Promise<Serials> {
  const { mount, session, signal } = look;
  const serials = new Set<string>();
  let error: CollectError | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const after = [...serials].at(-1);
    const query = `&limit=${PAGE_SIZE}${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`;
    const keys = await attempt(session.list(`${mount}/certs`, signal, query));
    if (keys instanceof AbsentError) break;
    if (keys instanceof CollectError) {
      if (page === 0) throw keys;
      error = keys;
      break;
    }
    const before = serials.size;
    for (const key of keys) serials.add(key);
    // Vault knows no pages, and gives the whole list each time.
    if (keys.length !== PAGE_SIZE || serials.size === before) break;
  }
  // Not everyone may list what was revoked, and older servers have no such list: then each certificate tells itself, once.
  const revoked = await attempt(session.list(`${mount}/certs/revoked`, signal));
  if (revoked instanceof CollectError && endsLook(revoked)) error ??= revoked;
  return {
    serials: [...serials],
    revoked: new Set(revoked instanceof CollectError ? [] : revoked.map(plain)),
    ...(error === undefined ? {} : { error }),
  };
}

/** Vault writes serials with dashes here and with colons there. */
function plain(serial: string): string {
  return serial.replaceAll(/[-:]/g, '').toLowerCase();
}

/** What `vault read` takes. */
function locate(mount: string, serial: string): string {
  return `${mount}/cert/${serial.replaceAll(':', '-')}`;
}
