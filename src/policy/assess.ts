import type { Location } from '../inventory/model.ts';
import { RULES, type Assessment, type Finding, type RuleId } from './finding.ts';
import type { Policy } from './policy.ts';
import { chainIncomplete } from './rules/chain-incomplete.ts';
import { chainUntidy } from './rules/chain-untidy.ts';
import { clientAuthMissing } from './rules/client-auth-missing.ts';
import { clientRejected } from './rules/client-rejected.ts';
import { clientWillFail } from './rules/client-will-fail.ts';
import { clockSuspect } from './rules/clock-suspect.ts';
import { credentialExpiring } from './rules/credential-expiring.ts';
import { crlExpiring } from './rules/crl-expiring.ts';
import { expired } from './rules/expired.ts';
import { expiring } from './rules/expiring.ts';
import { fileUntidy } from './rules/file-untidy.ts';
import { gone } from './rules/gone.ts';
import { hostnameMismatch } from './rules/hostname-mismatch.ts';
import { intervalTooLong } from './rules/interval-too-long.ts';
import { issuerNotAccepted } from './rules/issuer-not-accepted.ts';
import { keyMismatch } from './rules/key-mismatch.ts';
import { nameDead } from './rules/name-dead.ts';
import { nameUnwatched } from './rules/name-unwatched.ts';
import { nodesDisagree } from './rules/nodes-disagree.ts';
import { notCovered } from './rules/not-covered.ts';
import { notDeployed } from './rules/not-deployed.ts';
import { notYetValid } from './rules/not-yet-valid.ts';
import { pinMismatch } from './rules/pin-mismatch.ts';
import { possessionFailed } from './rules/possession-failed.ts';
import { renewalOverdue } from './rules/renewal-overdue.ts';
import { renewalRegression } from './rules/renewal-regression.ts';
import { renewalRequested } from './rules/renewal-requested.ts';
import { revoked } from './rules/revoked.ts';
import { stale } from './rules/stale.ts';
import { stapleMissing } from './rules/staple-missing.ts';
import { trustAnchorExpiring } from './rules/trust-anchor-expiring.ts';
import { unowned } from './rules/unowned.ts';
import { unreachable } from './rules/unreachable.ts';
import { unreadable } from './rules/unreadable.ts';
import { untrusted } from './rules/untrusted.ts';
import { assessment, subjectOf, type Rule } from './subject.ts';
import type { InventoryView } from './view.ts';

const RULE_OF: Readonly<Record<RuleId, Rule>> = {
  expired,
  expiring,
  'trust-anchor-expiring': trustAnchorExpiring,
  'crl-expiring': crlExpiring,
  'credential-expiring': credentialExpiring,
  'key-mismatch': keyMismatch,
  'client-will-fail': clientWillFail,
  'client-rejected': clientRejected,
  'issuer-not-accepted': issuerNotAccepted,
  'client-auth-missing': clientAuthMissing,
  'possession-failed': possessionFailed,
  'not-yet-valid': notYetValid,
  revoked,
  'hostname-mismatch': hostnameMismatch,
  untrusted,
  'chain-incomplete': chainIncomplete,
  'staple-missing': stapleMissing,
  'chain-untidy': chainUntidy,
  'file-untidy': fileUntidy,
  'pin-mismatch': pinMismatch,
  'not-deployed': notDeployed,
  'nodes-disagree': nodesDisagree,
  'renewal-overdue': renewalOverdue,
  'renewal-regression': renewalRegression,
  gone,
  'interval-too-long': intervalTooLong,
  'name-unwatched': nameUnwatched,
  unowned,
  'renewal-requested': renewalRequested,
  unreachable,
  unreadable,
  'not-covered': notCovered,
  stale,
  'name-dead': nameDead,
  'clock-suspect': clockSuspect,
  // Of messages, not of locations: what became of them says it.
  'delivery-failed': () => ({ findings: [] }),
};

/** In the order of the list. */
const EVERY_RULE: readonly Rule[] = RULES.map((rule) => RULE_OF[rule]);
const GONE: readonly Rule[] = [gone];

/**
 * What is wrong with a location at an instant, and when that changes if nothing else does. Pure: the same code says what
 * is wrong now and what will be wrong on a day to come.
 *
 * Promised: until `nextAt` (exclusive) the same rules fire for the same causes with the same severities; only texts that
 * count days and hours differ.
 */
export function assess(location: Location, view: InventoryView, policy: Policy, now: number): Assessment {
  const subject = subjectOf(location, view, policy, now);
  // Of what is no more, nothing else is true.
  const rules = location.gone === undefined ? EVERY_RULE : GONE;
  const findings: Finding[] = [];
  let nextAt: number | undefined;
  for (const rule of rules) {
    const part = rule(subject);
    if (part.findings.length > 0) findings.push(...part.findings);
    if (part.nextAt !== undefined && (nextAt === undefined || part.nextAt < nextAt)) nextAt = part.nextAt;
  }
  return assessment(findings, nextAt);
}
