import { attempt, detailsCut, endsLook, listCut, missingFrom, unchanged } from '../../src/cloud/observation.ts';
import { roleOf } from '../../src/cloud/role.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { AbsentError } from './api.ts';
import { issuedOf, Newest, readVersion, versionOf, type Issued } from './issued.ts';
import { observeIssuers } from './issuer.ts';
import type { MountLook } from './look.ts';
import { readPart, type ReadPart } from './pem.ts';

/** OpenBao gives so many serials at once; Vault gives all. */
const PAGE_SIZE = 10_000;
const MAX_PAGES = 1_000;
/** Certificates that are held while it is found out which of them are the latest. */
const CHUNK = 10_000;
const CONCURRENCY = 8;

/** Everything that one PKI mount has: issuers with their lists, and what they issued. */
export async function* observeMount(look: MountLook): AsyncGenerator<Observation, void, undefined> {
  yield* observeIssuers(look);
  yield* observeIssued(look);
}

/**
 * What was issued and stored: a mount is a record of everything, so that of certificates for the same names the latest
 * counts alone. What is known costs no call, since it never changes; what is of no interest is asked for once in the life
 * of the process.
 */
async function* observeIssued(look: MountLook): AsyncGenerator<Observation, void, undefined> {
  const { mount, known, memory } = look;
  const { serials, revoked, error } = await listSerials(look);
  const gaps: Problem[] = error === undefined ? [] : [listCut(`${mount}/certs`, error)];
  const newest = new Newest();
  const unknown: string[] = [];
  const before: { readonly serial: string; readonly version: string; readonly issued: Issued }[] = [];
  for (const serial of serials) {
    if (revoked.has(plain(serial)) || memory.isDull(serial)) continue;
    const version = known.version(locate(mount, serial));
    const issued = readVersion(version);
    if (issued === undefined || version === undefined) unknown.push(serial);
    else {
      newest.note(issued);
      before.push({ serial, version, issued });
    }
  }
  let stopped: CollectError | undefined;
  for (let from = 0; from < unknown.length && stopped === undefined; from += CHUNK) {
    const fetched = await fetchAll(look, unknown.slice(from, from + CHUNK), newest);
    for (const [serial, one] of fetched) {
      if (one instanceof CollectError && endsLook(one)) stopped ??= one;
      const observation = observe(look, serial, one, newest);
      if (observation !== undefined) yield observation;
    }
  }
  for (const { serial, version, issued } of before) {
    if (isCurrent(issued, look, newest)) yield unchanged(locate(mount, serial), version);
    else memory.noteDull(serial);
  }
  if (stopped !== undefined) gaps.push(detailsCut(`${mount}/cert`, stopped));
  yield* missingFrom(`${mount}/certs`, gaps);
}

/** Whether anybody waits for its end. */
function isCurrent(issued: Issued, { given, context }: MountLook, newest: Newest): boolean {
  return !newest.hasReplaced(issued) && issued.endsAt + given.keep_ended > context.clock.now();
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
        else if (one.issued !== undefined && !one.isRevoked) newest.note(one.issued);
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
  look: MountLook,
  serial: string,
  fetched: Fetched | CollectError,
  newest: Newest,
): Observation | undefined {
  const location = locate(look.mount, serial);
  if (fetched instanceof CollectError) {
    // Vault's own clean-up (tidy) came between the list and this; and what ends the look is told of as a whole.
    if (fetched instanceof AbsentError || endsLook(fetched)) return undefined;
    return { location, items: [], problems: [{ reason: fetched.reason, detail: fetched.message }] };
  }
  const { read, issued, lifetimeMs, isRevoked } = fetched;
  const isShort = lifetimeMs < look.given.ignore_lifetime_under;
  if (isRevoked || isShort || (issued !== undefined && !isCurrent(issued, look, newest))) {
    look.memory.noteDull(serial);
    return undefined;
  }
  return { location, ...(issued === undefined ? {} : { version: versionOf(issued) }), ...read };
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
