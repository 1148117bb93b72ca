import { isDeepStrictEqual } from 'node:util';

import { CertificateError, parseCertificate } from '../certificate/certificate.ts';
import type { Answer, Learned } from '../enrich/enricher.ts';
import type { EnricherName, Fact, Inquiry } from '../inventory/fact.ts';
import { knowCertificate } from '../inventory/known.ts';
import { safeText } from '../text/safe-text.ts';

const MAX_URL = 2_048;
const MAX_PROBLEM = 500;
/** Nobody is asked more often than this, or less, whatever an answer says. */
const SOONEST_MS = 60_000;
const LATEST_MS = 30 * 86_400_000;
/** Clocks that differ by less say the same. */
const SAME_SKEW_MS = 10_000;

/** What is kept of an answer. */
export function inquiryOf(enricher: EnricherName, answer: Answer, previous: Inquiry | undefined, now: number): Inquiry {
  const fact = answer.learned === undefined ? undefined : factOf(answer.learned);
  const kept = fact ?? previous?.fact;
  const askAgainAt = Math.min(Math.max(answer.askAgainAt, now + SOONEST_MS), now + LATEST_MS);
  return {
    enricher,
    subject: answer.subject,
    ...(kept === undefined ? {} : { fact: kept }),
    askedAt: now,
    askAgainAt,
    failures: fact === undefined ? (previous?.failures ?? 0) + 1 : 0,
    ...(fact === undefined ? { problem: safeText(answer.problem ?? 'it cannot be read', { max: MAX_PROBLEM }) } : {}),
  };
}

/** Whether rules may see something else in it than before. */
export function saysOtherwise(before: Fact | undefined, after: Fact | undefined): boolean {
  if (before === undefined || after === undefined) return before !== after;
  if (before.kind === 'clock' && after.kind === 'clock') {
    return before.location !== after.location || Math.abs(before.skewMs - after.skewMs) > SAME_SKEW_MS;
  }
  return !isDeepStrictEqual({ ...before, at: 0, resolvedAt: 0 }, { ...after, at: 0, resolvedAt: 0 });
}

/** Text made harmless; `undefined` when an issuer cannot be read. */
function factOf(learned: Learned): Fact | undefined {
  switch (learned.kind) {
    case 'issuer': {
      const { der, url, ...rest } = learned;
      try {
        return { ...rest, issuer: knowCertificate(parseCertificate(der)), url: safeText(url, { max: MAX_URL }) };
      } catch (error) {
        if (!(error instanceof CertificateError)) throw error;
        return undefined;
      }
    }
    case 'renewal': {
      const { explanationUrl, ...rest } = learned;
      return explanationUrl === undefined
        ? rest
        : { ...rest, explanationUrl: safeText(explanationUrl, { max: MAX_URL }) };
    }
    case 'revocation': {
      const { problem, ...rest } = learned;
      return {
        ...rest,
        url: safeText(learned.url, { max: MAX_URL }),
        ...(problem === undefined ? {} : { problem: safeText(problem, { max: MAX_PROBLEM }) }),
      };
    }
    case 'name':
    case 'clock':
      return learned;
  }
}
