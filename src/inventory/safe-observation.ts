import { hash } from 'node:crypto';

import type { Labels } from '../label/labels.ts';
import { MAX_ACCEPTABLE_ISSUERS } from '../plugin/client.ts';
import type { Item, Reference } from '../plugin/item.ts';
import type { EndpointFacts, Problem } from '../plugin/observation.ts';
import { safeText } from '../text/safe-text.ts';
import type { KnownEndpoint, KnownItem, Sighting } from './model.ts';

/** Characters kept of what a collector says about a failure. */
const MAX_DETAIL = 500;
const MAX_PLACE = 512;
const MAX_LABEL = 1_024;
const MAX_REFERENCE = 1_024;
/** Lines of a transcript, and characters of one. */
const MAX_TRANSCRIPT = 300;
const MAX_LINE = 200;
/** References and labels of one item. */
const MAX_LISTED = 500;
/** Uses of one item. */
const MAX_USES = 20;
/** Remarks on one item. */
const MAX_REMARKS = 10;

export function safeDetail(detail: string): string {
  return safeText(detail, { max: MAX_DETAIL });
}

/** The same place always gets the same name, so that problems and sightings still meet. */
export function safePlace(key: string): string {
  return safeText(key, { max: MAX_PLACE });
}

export function safeLabels(labels: Labels | undefined): Labels {
  const entries = Object.entries(labels ?? {}).slice(0, MAX_LISTED);
  return Object.fromEntries(entries.map(([name, value]) => [safeText(name), safeText(value, { max: MAX_LABEL })]));
}

export function safeProblem(problem: Problem): Problem {
  return {
    reason: problem.reason,
    ...(problem.place === undefined ? {} : { place: safePlace(problem.place) }),
    detail: safeDetail(problem.detail),
  };
}

/** What a peer told about itself, made harmless. Fingerprints, addresses and versions are ours. */
export function safeEndpoint({ transcript, ...endpoint }: EndpointFacts): KnownEndpoint {
  return {
    ...endpoint,
    ...(transcript === undefined ? {} : { transcriptDigest: digestOf(safeTranscript(transcript)) }),
    ...(endpoint.alpn === undefined ? {} : { alpn: safeText(endpoint.alpn) }),
    acceptableIssuers: endpoint.acceptableIssuers
      .slice(0, MAX_ACCEPTABLE_ISSUERS)
      .map((issuer) => safeText(issuer, { max: MAX_REFERENCE })),
    ...(endpoint.staple?.problem === undefined
      ? {}
      : { staple: { ...endpoint.staple, problem: safeDetail(endpoint.staple.problem) } }),
    verdicts: endpoint.verdicts.map((verdict) => ({
      ...verdict,
      reason: verdict.reason === null ? null : safeText(verdict.reason),
      evidence: safeDetail(verdict.evidence),
    })),
  };
}

export function safeTranscript(lines: readonly string[]): readonly string[] {
  const left = lines.length - MAX_TRANSCRIPT;
  return [
    ...lines.slice(0, MAX_TRANSCRIPT).map((line) => safeText(line, { max: MAX_LINE })),
    ...(left > 0 ? [`… and ${left} more lines`] : []),
  ];
}

function digestOf(lines: readonly string[]): string {
  return hash('sha256', lines.join('\n'), 'base64').slice(0, 16);
}

/** A known item at the place where a collector found it. */
export function sightingOf(item: Item, known: KnownItem, firstSeenAt: number, now: number): Sighting {
  const { usedBy, key, supersededBy, remarks, renewal, seenInUse } = item;
  return {
    item: known,
    place: safePlace(item.place.key),
    index: item.place.index ?? 0,
    role: item.role,
    firstSeenAt,
    lastSeenAt: now,
    ...(item.labels === undefined ? {} : { labels: safeLabels(item.labels) }),
    ...(usedBy === undefined
      ? {}
      : {
          usedBy: usedBy.slice(0, MAX_LISTED).map(safeReference),
        }),
    ...(key === undefined ? {} : { key: { at: safeText(key.at, { max: MAX_REFERENCE }), match: key.match } }),
    ...(supersededBy === undefined ? {} : { supersededBy: safeText(supersededBy, { max: MAX_REFERENCE }) }),
    ...(remarks === undefined ? {} : { remarks: remarks.slice(0, MAX_REMARKS).map(safeDetail) }),
    ...(renewal === undefined ? {} : { renewal: renewalOf(renewal) }),
    ...(seenInUse === undefined ? {} : { use: useOf(seenInUse) }),
  };
}

function safeReference({ type, id }: Reference): Reference {
  return { type, id: safeText(id, { max: MAX_REFERENCE }) };
}

function useOf({ first, last, count, by }: NonNullable<Item['seenInUse']>): NonNullable<Sighting['use']> {
  return {
    firstAt: first.getTime(),
    lastAt: last.getTime(),
    count,
    by: by.slice(0, MAX_USES).map((use) => ({ reference: safeReference(use.reference), count: use.count })),
  };
}

function renewalOf(renewal: NonNullable<Item['renewal']>): NonNullable<Sighting['renewal']> {
  const dueAt = renewal.due?.getTime();
  return {
    mode: renewal.mode,
    ...(dueAt === undefined || Number.isNaN(dueAt) ? {} : { dueAt }),
    ...(renewal.stuck === undefined ? {} : { stuck: safeDetail(renewal.stuck) }),
  };
}
