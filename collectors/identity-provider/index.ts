import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { CertificateError, parseCertificate, type Certificate } from '../../src/certificate/certificate.ts';
import { unchanged } from '../../src/cloud/observation.ts';
import { defineCollector, type CollectorInstance, type Known, type Target } from '../../src/plugin/collector.ts';
import type { Context, Limits } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item, Place, Role } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { readSaml, type SamlCertificate } from '../../src/saml/metadata.ts';
import { readDocument, type DocumentParts } from './document.ts';
import { readDiscovery, readKeySet, type CertifiedKey } from './jwks.ts';
import { options, type Options } from './options.ts';

/** Raised when the readers learn something new: what did not change is then told anew. */
const READER = 1;
/** The metadata of a federation take longer than those of one provider. */
const SAML_LIMITS: Limits = { timeMs: 15_000, memoryMb: 512 };

export const identityProvider = defineCollector({
  type: 'identity-provider',
  summary: 'Signing and encryption certificates of identity providers: SAML metadata, OpenID Connect, JWK sets',
  options,
  scope: ({ saml }) => (saml.some((where) => where.startsWith('/')) ? 'node' : 'cluster'),
  async create(given, context) {
    if (given.saml.length + given.oidc.length + given.jwks.length === 0) {
      throw new Error('give at least one of saml, oidc and jwks');
    }
    return createInstance(given, context);
  },
});

type Kind = 'saml' | 'oidc' | 'jwks';
const KINDS = ['saml', 'oidc', 'jwks'] as const;

function createInstance(given: Options, context: Context): CollectorInstance {
  async function openParts(): Promise<DocumentParts> {
    return { context, maxBytes: given.max_bytes, ca: await readCa(given.ca_file) };
  }

  /** The keys of an issuer are where it says, within what the config allows. */
  async function discoverKeys(issuer: string, parts: DocumentParts, signal: AbortSignal): Promise<string> {
    const base = issuer.replace(/\/$/, '');
    const document = `${base}/.well-known/openid-configuration`;
    const found = await readDiscovery(await readDocument(document, parts, signal), context.isolate);
    if (found.kind === 'malformed') {
      throw new CollectError('malformed', `the discovery document of ${issuer} cannot be read: ${found.detail}`);
    }
    // OpenID Connect Discovery 1.0, section 4.3: else somebody else's keys would be believed.
    if (found.issuer.replace(/\/$/, '') !== base) {
      throw new CollectError(
        'malformed',
        `the discovery document of ${issuer} says that it is of ${found.issuer}: see which of the two is right`,
      );
    }
    const own = new URL(issuer);
    const keys = URL.canParse(found.jwksUri) ? new URL(found.jwksUri) : undefined;
    const isAllowed = keys?.host === own.host || given.allow_hosts.some((host) => host.toLowerCase() === keys?.host);
    if (keys === undefined || (keys.protocol !== 'https:' && keys.protocol !== own.protocol)) {
      throw new CollectError('malformed', `${issuer} names no URL for its keys, or one without TLS`);
    }
    if (!isAllowed) {
      throw new CollectError(
        'permission_denied',
        `${issuer} has its keys at another host, ${keys.host}; if that is meant, add it to allow_hosts`,
      );
    }
    return keys.href;
  }

  async function* observeSaml(where: string, known: Known, parts: DocumentParts, signal: AbortSignal): Observations {
    const result = await readSaml(await readDocument(where, parts, signal), context.isolate, SAML_LIMITS);
    if (result.kind === 'other') {
      throw new CollectError(
        'malformed',
        `${where} is XML, but no SAML metadata; see whether the URL is the right one`,
      );
    }
    if (result.kind === 'malformed') {
      throw new CollectError('malformed', `${where}: the SAML metadata cannot be read: ${result.detail}`);
    }
    const gaps: Problem[] = [];
    if (result.isCut) {
      gaps.push({
        reason: 'partial',
        place: 'metadata',
        detail: `${where} holds more than ${result.certificates.length} certificates; the rest was not read`,
      });
    }
    if (result.misplaced > 0) {
      gaps.push({
        reason: 'malformed',
        place: 'misplaced',
        detail: `${where} holds ${result.misplaced} entities or keys where none belong, or an entity twice: they are left out; what believes them may be deceived (signature wrapping), so ask who publishes it`,
      });
    }
    yield* entity(
      where,
      result.certificates.filter(({ entityId }) => entityId === ''),
      gaps,
      known,
    );
    const byEntity = Map.groupBy(result.certificates, ({ entityId }) => entityId);
    for (const id of result.entityIds) yield* entity(`${where} entity ${id}`, byEntity.get(id) ?? [], [], known);
  }

  /** What one entity uses, or what the document as a whole is signed with. */
  function* entity(
    location: string,
    certificates: readonly SamlCertificate[],
    gaps: readonly Problem[],
    known: Known,
  ): Iterable<Observation> {
    const version = digestOf([certificates, gaps]);
    if (known.version(location) === version) {
      yield unchanged(location, version);
      return;
    }
    const read = certificates.map(({ base64, use, entityId }, index) => ({
      place: entityId === '' ? 'metadata' : use === 'encryption' ? 'encryption' : 'signing',
      found: readCertificate(base64, `certificate number ${index + 1} of ${location}`),
    }));
    yield observation(location, version, read, gaps);
  }

  async function* observeKeys(
    location: string,
    where: string,
    known: Known,
    parts: DocumentParts,
    signal: AbortSignal,
  ): Observations {
    const set = await readKeySet(await readDocument(where, parts, signal), context.isolate);
    if (set.kind === 'malformed') {
      throw new CollectError('malformed', `${location}: the JWK set cannot be read: ${set.detail}`);
    }
    const gaps: readonly Problem[] = set.isCut
      ? [
          {
            reason: 'partial',
            place: 'keys',
            detail: `${location} has ${set.count} keys; the rest of them was not read`,
          },
        ]
      : [];
    const version = digestOf([set.keys, gaps]);
    if (known.version(location) === version) {
      yield unchanged(location, version);
      return;
    }
    const read = set.keys.flatMap((key) => readKey(key, location));
    yield observation(location, version, read, gaps);
  }

  function observation(
    location: string,
    version: string,
    read: readonly Placed[],
    gaps: readonly Problem[],
  ): Observation {
    const items = read.flatMap(({ place, found, role = 'signer' }, index) =>
      found instanceof CollectError ? [] : [itemOf(found, { key: place, index }, role, read)],
    );
    const problems = read.flatMap(({ place, found }): readonly Problem[] =>
      found instanceof CollectError ? [{ reason: found.reason, place, detail: found.message }] : [],
    );
    return {
      location,
      // A look with a hole in it is repeated in full the next time.
      ...(problems.length + gaps.length === 0 ? { version } : {}),
      items,
      problems: [...problems, ...gaps],
    };
  }

  function itemOf(certificate: Certificate, place: Place, role: Role, all: readonly Placed[]): Item {
    const now = context.clock.now();
    // Of what has ended beside one that has not, nobody makes use any more.
    const isLeft = endOf(certificate) <= now && all.some((one) => one.place === place.key && isValid(one.found, now));
    return {
      kind: 'certificate',
      der: certificate.der,
      parsed: certificate,
      place,
      role,
      ...(isLeft ? { supersededBy: `another at ${place.key}` } : {}),
    };
  }

  return {
    async *discover() {
      for (const kind of KINDS) {
        for (const where of given[kind]) yield { key: `${kind} ${where}`, data: { kind, where } };
      }
    },

    async *observe(target: Target, known, signal) {
      signal.throwIfAborted();
      const [kind, where] = named(target, given);
      const parts = await openParts();
      switch (kind) {
        case 'saml':
          yield* observeSaml(where, known, parts, signal);
          return;
        case 'oidc':
          yield* observeKeys(where, await discoverKeys(where, parts, signal), known, parts, signal);
          return;
        case 'jwks':
          yield* observeKeys(where, where, known, parts, signal);
      }
    },
  };
}

type Observations = AsyncGenerator<Observation, void, undefined>;

/** A certificate and where it stands, or why it cannot be read. */
interface Placed {
  readonly place: string;
  readonly found: Certificate | CollectError;
  /** `signer` where it is not said. */
  readonly role?: Role;
}

function named({ key }: Target, given: Options): readonly [Kind, string] {
  for (const kind of KINDS) {
    const where = given[kind].find((one) => key === `${kind} ${one}`);
    if (where !== undefined) return [kind, where];
  }
  throw new CollectError('not_found', `${key} is not a target of this source`);
}

async function readCa(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw new CollectError('permission_denied', `ca_file ${path} cannot be read (${code})`, { cause: error });
  }
}

function digestOf(content: unknown): string {
  return `${READER}:${hash('sha256', JSON.stringify(content), 'hex').slice(0, 32)}`;
}

function endOf({ notAfter }: Certificate): number {
  return notAfter.status === 'known' ? notAfter.at : notAfter.status === 'never' ? Infinity : 0;
}

function isValid(found: Placed['found'], now: number): boolean {
  return !(found instanceof CollectError) && endOf(found) > now;
}

function readCertificate(base64: string, what: string): Certificate | CollectError {
  try {
    return parseCertificate(Buffer.from(base64.replaceAll(/-----[^-]*-----|\s/g, ''), 'base64'));
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    return new CollectError('malformed', `${what} cannot be read: ${error.message}`);
  }
}

/** The certificates of one key, and whether they are of this key at all (RFC 7517 sections 4.7 to 4.9). */
function readKey({ id, use, chain, sha1, sha256, publicKey }: CertifiedKey, location: string): readonly Placed[] {
  const place = `${use === 'enc' ? 'encryption' : 'signing'}/${id}`;
  const read = chain.map((base64, index): Placed => ({
    place,
    found: readCertificate(base64, `certificate number ${index + 1} of key ${id} of ${location}`),
    role: index === 0 ? 'signer' : 'intermediate',
  }));
  const leaf = read[0]?.found;
  if (leaf === undefined || leaf instanceof CollectError) return read;
  const isOther =
    (publicKey !== undefined && hash('sha256', Buffer.from(publicKey, 'base64'), 'hex') !== leaf.publicKey.sha256) ||
    (sha256 !== undefined && sha256 !== leaf.fingerprint) ||
    (sha1 !== undefined && sha1 !== hash('sha1', leaf.der, 'hex'));
  if (!isOther) return read;
  const detail = `the certificate of key ${id} of ${location} is of another key, or not the one that the key names: programs that check it refuse its signatures`;
  return [...read, { place: `${place}/key`, found: new CollectError('malformed', detail) }];
}
