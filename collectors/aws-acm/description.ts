import type { CertificateDetail, CertificateSummary, DomainValidation } from '@aws-sdk/client-acm';

import { roleOf } from '../../src/cloud/role.ts';
import type { Item, Reference, Role } from '../../src/plugin/item.ts';

const DAY_MS = 86_400_000;

/** Never issued: such a request holds no certificate, so nothing of it can end and no service can use it. */
const NEVER_ISSUED = new Set<string>(['PENDING_VALIDATION', 'FAILED', 'VALIDATION_TIMED_OUT']);

/** A certificate may be attached to thousands of resources; this many are named. */
const MAX_REFERENCES = 1000;

/**
 * ACM begins to renew 60 days before the end and reports a failure from 45 days on
 * (https://docs.aws.amazon.com/acm/latest/userguide/dns-renewal-validation.html). Certificates that live less than twice
 * as long have a rhythm of their own.
 */
const RENEWED_BEFORE_END_MS = 45 * DAY_MS;

const EXTENDED_KEY_USAGE: Readonly<Record<string, string>> = {
  TLS_WEB_SERVER_AUTHENTICATION: 'serverAuth',
  TLS_WEB_CLIENT_AUTHENTICATION: 'clientAuth',
  CODE_SIGNING: 'codeSigning',
  EMAIL_PROTECTION: 'emailProtection',
  TIME_STAMPING: 'timeStamping',
  OCSP_SIGNING: 'OCSPSigning',
  ANY: 'anyExtendedKeyUsage',
};

/** Whether there is a certificate behind this entry of the list. */
export function wasIssued(summary: CertificateSummary): boolean {
  return summary.Status === undefined || !NEVER_ISSUED.has(summary.Status);
}

/**
 * What identifies the certificate behind an ARN, from the list alone. A renewal and a new import keep the ARN, so the
 * dates tell them apart.
 */
export function identify(summary: CertificateSummary): string {
  const { Status, NotBefore, NotAfter, ImportedAt, IssuedAt, InUse, RenewalEligibility } = summary;
  return [Status, stamp(NotBefore), stamp(NotAfter), stamp(ImportedAt), stamp(IssuedAt), InUse, RenewalEligibility]
    .map((part) => part ?? '-')
    .join(' ');
}

function stamp(date: Date | undefined): string | undefined {
  // A date that ACM garbled is a NaN, which has no ISO form.
  return date === undefined || Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** What ACM knows about the use and the renewal of a certificate; common to all items of it. */
export function describeUse(
  summary: CertificateSummary,
  detail: CertificateDetail | undefined,
): Pick<Item, 'usedBy' | 'renewal'> {
  const usedBy: readonly Reference[] = (detail?.InUseBy ?? [])
    .slice(0, MAX_REFERENCES)
    .map((id) => ({ type: 'aws', id }));
  return { ...(usedBy.length === 0 ? {} : { usedBy }), renewal: describeRenewal(summary, detail) };
}

function describeRenewal(
  summary: CertificateSummary,
  detail: CertificateDetail | undefined,
): NonNullable<Item['renewal']> {
  const mode = renewalMode(summary);
  const stuck = describeStuck(detail);
  const due = mode === 'automatic' ? renewalDue(summary) : undefined;
  return { mode, ...(due === undefined ? {} : { due }), ...(stuck === undefined ? {} : { stuck }) };
}

/** https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html */
function renewalMode(summary: CertificateSummary): 'automatic' | 'manual' | 'unknown' {
  if (summary.Type === 'IMPORTED') return 'manual';
  // The ACME client renews it, by ordering another one: ACM knows nothing of when.
  if (summary.CertificateKeyPairOrigin === 'ACME') return 'unknown';
  switch (summary.RenewalEligibility) {
    case 'ELIGIBLE':
      return 'automatic';
    case 'INELIGIBLE':
      return 'manual';
    case undefined:
      return 'unknown';
  }
  // A word that this SDK does not know yet.
  return 'unknown';
}

function renewalDue(summary: CertificateSummary): Date | undefined {
  const { NotBefore, NotAfter } = summary;
  if (NotBefore === undefined || NotAfter === undefined) return undefined;
  const lifetimeMs = NotAfter.getTime() - NotBefore.getTime();
  return lifetimeMs >= 2 * RENEWED_BEFORE_END_MS ? new Date(NotAfter.getTime() - RENEWED_BEFORE_END_MS) : undefined;
}

/** Why a managed renewal does not proceed, and what to do; undefined while it does. */
function describeStuck(detail: CertificateDetail | undefined): string | undefined {
  const renewal = detail?.RenewalSummary;
  if (renewal === undefined) return undefined;
  const steps = (renewal.DomainValidationOptions ?? [])
    .filter((domain) => domain.ValidationStatus !== 'SUCCESS')
    .map((domain) => validationStep(domain));
  const todo = steps.length === 0 ? '' : `: ${steps.join('; ')}`;
  const why = renewal.RenewalStatusReason === undefined ? '' : ` (${renewal.RenewalStatusReason})`;
  switch (renewal.RenewalStatus) {
    case 'PENDING_VALIDATION':
      return `ACM cannot renew it before its domains are validated${why}${todo}`;
    case 'FAILED':
      return `ACM failed to renew it${why}${todo}`;
    case 'PENDING_AUTO_RENEWAL':
    case 'SUCCESS':
    case undefined:
      return undefined;
  }
  return undefined;
}

function validationStep(domain: DomainValidation): string {
  const name = domain.DomainName ?? 'a domain';
  const record = domain.ResourceRecord;
  if (record?.Name !== undefined && record.Value !== undefined) {
    return `for ${name} set the DNS record ${record.Name} ${record.Type ?? 'CNAME'} ${record.Value}`;
  }
  if (domain.HttpRedirect?.RedirectFrom !== undefined) {
    return `for ${name} redirect ${domain.HttpRedirect.RedirectFrom} to ${domain.HttpRedirect.RedirectTo ?? 'ACM'}`;
  }
  const emails = domain.ValidationEmails ?? [];
  if (emails.length > 0) return `for ${name} follow the link in the mail sent to ${emails.join(', ')}`;
  return `validate ${name}`;
}

/** The role by what the list says of the extended key usage. */
export function listedRole(summary: CertificateSummary): Role {
  const usages = (summary.ExtendedKeyUsages ?? []).filter((usage) => usage !== 'NONE');
  return roleOf(usages.map((usage) => EXTENDED_KEY_USAGE[usage] ?? usage));
}

/** The certificate without its DER, as far as ACM tells. */
export function describeCertificate(summary: CertificateSummary, detail: CertificateDetail | undefined): Item {
  const names =
    detail?.SubjectAlternativeNames ??
    summary.SubjectAlternativeNameSummaries ??
    [summary.DomainName].filter((name) => name !== undefined);
  const serial = detail?.Serial?.replaceAll(':', '').toUpperCase();
  const notBefore = detail?.NotBefore ?? summary.NotBefore;
  return {
    kind: 'described',
    place: { key: 'certificate' },
    role: listedRole(summary),
    ...(detail?.Issuer === undefined ? {} : { issuer: detail.Issuer }),
    ...(serial === undefined ? {} : { serial }),
    names,
    ...(notBefore === undefined ? {} : { notBefore }),
    notAfter: detail?.NotAfter ?? summary.NotAfter ?? 'unknown',
    ...describeUse(summary, detail),
  };
}
