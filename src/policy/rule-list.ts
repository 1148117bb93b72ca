import type { Family, RuleId } from './finding.ts';

/** What a rule is about, for tables. */
export interface RuleSummary {
  readonly family: Family;
  /** Completes "fires when …". */
  readonly when: string;
}

/** Every rule, in a few words. Where clients fail because something ends, the family is `expiry`. */
export const RULE_SUMMARIES: Readonly<Record<RuleId, RuleSummary>> = {
  expired: { family: 'expiry', when: 'a certificate or a credential has ended' },
  expiring: { family: 'expiry', when: 'a leaf or an authority crosses a threshold before its end' },
  'trust-anchor-expiring': { family: 'expiry', when: 'a trust anchor in use crosses a threshold' },
  'crl-expiring': { family: 'expiry', when: 'a revocation list is near its nextUpdate, or past it' },
  'credential-expiring': { family: 'expiry', when: 'a credential that is no certificate crosses a threshold' },
  'client-will-fail': { family: 'expiry', when: 'the day is known on which an endpoint begins to reject a client' },
  'renewal-overdue': { family: 'renewal', when: 'a renewal was due and nothing newer is known, or it is stuck' },
  'renewal-requested': { family: 'renewal', when: 'the CA asks for renewal ahead of time' },
  'renewal-regression': { family: 'renewal', when: 'the renewal lost a name, a usage, or what somebody knows it by' },
  'not-deployed': { family: 'deployment', when: 'a store holds a newer certificate than the endpoint serves' },
  'nodes-disagree': { family: 'deployment', when: 'addresses behind one name serve different certificates' },
  'key-mismatch': { family: 'deployment', when: 'a private key belongs to another certificate' },
  'pin-mismatch': { family: 'deployment', when: 'what is served, or will be, is not what is pinned' },
  'file-untidy': { family: 'deployment', when: 'a file can be read, but not by every program that uses it' },
  'client-rejected': { family: 'client', when: 'a rehearsal was rejected' },
  'client-auth-missing': { family: 'client', when: 'a client lacks clientAuth, or will from its next renewal on' },
  'issuer-not-accepted': { family: 'client', when: 'the server names no issuer of the client among those it accepts' },
  'possession-failed': { family: 'chain', when: 'a server does not hold the key of its certificate' },
  'not-yet-valid': { family: 'chain', when: 'a certificate is in use before its time' },
  revoked: { family: 'chain', when: 'a certificate that is still there was revoked' },
  'hostname-mismatch': { family: 'chain', when: 'a server is asked for a name that its certificate is not for' },
  untrusted: { family: 'chain', when: 'no path leads to an anchor that clients trust' },
  'chain-incomplete': { family: 'chain', when: 'a server leaves out an intermediate' },
  'staple-missing': { family: 'chain', when: 'an OCSP response is demanded and missing, or of no use' },
  'chain-untidy': { family: 'chain', when: 'a chain is out of order, repeated, or more than a chain' },
  unreachable: { family: 'coverage', when: 'nobody answers' },
  unreadable: { family: 'coverage', when: 'something is there that cannot be read' },
  'not-covered': { family: 'coverage', when: 'notafter may not look, or not at everything' },
  stale: { family: 'coverage', when: 'nobody has looked for too long' },
  gone: { family: 'coverage', when: 'a target is no more, or the only place of what is in use' },
  'interval-too-long': { family: 'coverage', when: 'a source is looked at too seldom for what lives there' },
  'name-dead': { family: 'coverage', when: 'a name of a certificate is not in DNS any more' },
  'name-unwatched': { family: 'coverage', when: 'nobody looks at a name of a certificate (off by default)' },
  unowned: { family: 'coverage', when: 'nobody is named as the owner (off by default)' },
  'delivery-failed': { family: 'coverage', when: 'a notification could not be delivered to its receiver' },
  'clock-suspect': { family: 'clock', when: 'the clock of this machine differs from those of others' },
};
