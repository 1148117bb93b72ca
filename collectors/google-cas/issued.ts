import { createHash } from 'node:crypto';

import { dateAt, type Fields, fieldsAt, isTrueAt, tagsAt, textAt, textsAt } from '../../src/cloud/answer.ts';
import type { GoogleLook } from '../../src/cloud/google.ts';
import { type Attributes, readChain } from '../../src/cloud/held.ts';
import { attempt, endsLook, listCut, missingFrom, unchanged, versionOf } from '../../src/cloud/observation.ts';
import { tagLabels } from '../../src/cloud/tags.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { LIST_AUTHORITIES, listAuthorities } from './authorities.ts';

const LIST = 'privateca.certificates.list';

export const ISSUED_ACTIONS = [LIST_AUTHORITIES, LIST];

/** What of all that was issued is looked at; durations in milliseconds. */
export interface IssuedOptions {
  /** What lives shorter is renewed by its program. */
  readonly shortestLifeMs: number;
  /** How long what has ended without a successor is still told of. */
  readonly keepEndedMs: number;
}

/**
 * The certificates that the pools of a project have issued. A pool keeps a record of every one: Google leaves out those that
 * ended long ago, and here revoked ones, those that live for hours, and those that have a successor are.
 */
export async function* observeIssued(
  look: GoogleLook,
  options: IssuedOptions,
): AsyncGenerator<Observation, void, undefined> {
  const gaps: Problem[] = [];
  for (const region of await regionsOf(look, gaps)) {
    const failed = yield* observeRegion(look, region, options, gaps);
    if (failed === undefined) continue;
    gaps.push(listCut(LIST, failed));
    if (endsLook(failed)) break;
  }
  yield* missingFrom(look.here, gaps);
}

/** Regions with an authority: certificates cannot be listed over all regions at once, as authorities can. */
async function regionsOf(look: GoogleLook, gaps: Problem[]): Promise<readonly string[]> {
  const regions = new Set<string>();
  for await (const page of listAuthorities(look)) {
    if (page.kind === 'cut') {
      gaps.push(listCut(LIST_AUTHORITIES, page.error));
      continue;
    }
    for (const authority of page.items) {
      const region = /\/locations\/([a-z0-9-]+)\/caPools\//.exec(textAt(authority, 'name') ?? '')?.[1];
      if (region !== undefined) regions.add(region);
    }
  }
  return [...regions];
}

/** What was issued in a region; the failure of its first page, when that is what happened. */
async function* observeRegion(
  look: GoogleLook,
  region: string,
  { shortestLifeMs, keepEndedMs }: IssuedOptions,
  gaps: Problem[],
): AsyncGenerator<Observation, CollectError | undefined, undefined> {
  const since = new Date(look.now - keepEndedMs).toISOString();
  const pages = look.list(
    { action: LIST, of: region },
    'privateca',
    `/v1/projects/${look.project}/locations/${region}/caPools/-/certificates`,
    'certificates',
    // https://cloud.google.com/certificate-authority-service/docs/sorting-filtering-certificates
    { filter: `certificate_description.subject_description.not_after_time>="${since}"` },
  );
  const newest = new Map<string, number>();
  for (;;) {
    const page = await attempt(pages.next());
    if (page instanceof CollectError) return page;
    if (page.done === true) return undefined;
    if (page.value.kind === 'cut') {
      gaps.push(listCut(LIST, page.value.error));
      continue;
    }
    for (const certificate of page.value.items) {
      const location = textAt(certificate, 'name');
      // One that was revoked is nobody's successor either.
      if (location === undefined || Object.hasOwn(certificate, 'revocationDetails')) continue;
      const { end, lifeMs, purpose } = lifeOf(certificate, location);
      if (lifeMs < shortestLifeMs) continue;
      // The newest come first.
      if ((newest.get(purpose) ?? -Infinity) > end) continue;
      newest.set(purpose, end);
      yield await observeCertificate(look, certificate, location);
    }
  }
}

interface Life {
  /** Milliseconds since the epoch; Infinity where Google does not tell. */
  readonly end: number;
  readonly lifeMs: number;
  /** Equal for certificates of one pool that are for the same subject, names and uses. */
  readonly purpose: string;
}

function lifeOf(certificate: Fields, location: string): Life {
  const about = fieldsAt(certificate, 'certificateDescription', 'subjectDescription');
  const end = dateAt(about, 'notAfterTime')?.getTime() ?? Infinity;
  const begin = dateAt(about, 'notBeforeTime')?.getTime() ?? -Infinity;
  const names = { subject: fieldsAt(about, 'subject'), alternatives: fieldsAt(about, 'subjectAltName') };
  const isNamed = Object.keys(names.subject).length + Object.keys(names.alternatives).length > 0;
  const uses = fieldsAt(certificate, 'certificateDescription', 'x509Description', 'keyUsage', 'extendedKeyUsage');
  const pool = location.replace(/\/certificates\/.*$/, '');
  return {
    end,
    lifeMs: end - begin,
    purpose: isNamed
      ? createHash('sha256')
          .update(JSON.stringify([pool, names, uses]))
          .digest('base64')
      : location,
  };
}

/** A certificate never changes; its labels do. */
async function observeCertificate(look: GoogleLook, certificate: Fields, location: string): Promise<Observation> {
  const pem = textAt(certificate, 'pemCertificate');
  const labels = tagLabels(look.tags, tagsAt(certificate, 'labels'));
  const version = versionOf('issued', { pem, labels });
  if (look.known.version(location) === version) return unchanged(location, version);
  const isAuthority = isTrueAt(certificate, 'certificateDescription', 'x509Description', 'caOptions', 'isCa');
  const attributes: Attributes = {
    // Whoever asked for it asks again; that is nothing that the service knows of.
    renewal: { mode: 'unknown' },
    ...(isAuthority ? { role: 'intermediate' } : {}),
  };
  if (pem === undefined) {
    return { location, items: [describe(certificate, attributes)], problems: [], ...labels };
  }
  const { items, problems } = await readChain(look.context, { certificate: pem }, attributes);
  return { location, items, problems, ...labels, ...(problems.length > 0 ? {} : { version }) };
}

function describe(certificate: Fields, attributes: Attributes): Item {
  const about = fieldsAt(certificate, 'certificateDescription', 'subjectDescription');
  const sha256 = textAt(certificate, 'certificateDescription', 'certFingerprint', 'sha256Hash');
  const serial = textAt(about, 'hexSerialNumber');
  const notBefore = dateAt(about, 'notBeforeTime');
  const common = textAt(about, 'subject', 'commonName');
  const names = textsAt(about, 'subjectAltName', 'dnsNames');
  return {
    kind: 'described',
    place: { key: 'certificate' },
    role: 'unknown',
    ...(sha256 === undefined ? {} : { sha256: sha256.toLowerCase() }),
    ...(serial === undefined ? {} : { serial }),
    names: names.length > 0 || common === undefined ? names : [common],
    ...(notBefore === undefined ? {} : { notBefore }),
    notAfter: dateAt(about, 'notAfterTime') ?? 'unknown',
    ...attributes,
  };
}
