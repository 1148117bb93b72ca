import type {
  CertificatePolicy,
  CertificateProperties,
  KeyVaultCertificate,
  KeyVaultCertificateWithPolicy,
} from '@azure/keyvault-certificates';

import { CertificateError, parseCertificate } from '../../src/certificate/certificate.ts';
import { roleOf } from '../../src/cloud/role.ts';

import type { Item } from '../../src/plugin/item.ts';
import type { PendingVersion } from './vault.ts';

const DAY_MS = 86_400_000;

/** What Key Vault calls the issuer of a certificate that was imported, or is fetched from elsewhere by hand. */
const UNKNOWN_ISSUER = 'unknown';

/**
 * What identifies a certificate and its attributes, from the list alone: the list names no version, but the thumbprint
 * tells versions apart.
 */
export function identify(properties: CertificateProperties): string {
  const { x509ThumbprintString: thumbprint, updatedOn, expiresOn, enabled } = properties;
  return [thumbprint, updatedOn?.toISOString(), expiresOn?.toISOString(), enabled === false ? 'disabled' : 'enabled']
    .map((part) => part ?? '-')
    .join(' ');
}

/** Tags of a certificate or secret as labels, each name made a label name the way Prometheus' service discovery does; `enabled` when it is not. */
export function describeLabels(properties: Pick<CertificateProperties, 'tags' | 'enabled'>): Pick<Item, 'labels'> {
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries(properties.tags ?? {})) {
    labels[name.replaceAll(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_')] = value;
  }
  if (properties.enabled === false) labels['enabled'] = 'false';
  return Object.keys(labels).length === 0 ? {} : { labels };
}

/** Who renews the certificate and when that is due. https://learn.microsoft.com/azure/key-vault/certificates/overview-renew-certificate */
export function describeRenewal(
  policy: CertificatePolicy | undefined,
  properties: CertificateProperties,
): NonNullable<Item['renewal']> {
  if (policy === undefined) return { mode: 'unknown' };
  const trigger = policy.lifetimeActions?.find((action) => action.action === 'AutoRenew');
  const issuer = policy.issuerName;
  if (issuer === undefined || issuer.toLowerCase() === UNKNOWN_ISSUER || trigger === undefined) {
    return { mode: 'manual' };
  }
  const { notBefore, expiresOn } = properties;
  let due: Date | undefined;
  if (expiresOn !== undefined && trigger.daysBeforeExpiry !== undefined) {
    due = new Date(expiresOn.getTime() - trigger.daysBeforeExpiry * DAY_MS);
  } else if (expiresOn !== undefined && notBefore !== undefined && trigger.lifetimePercentage !== undefined) {
    due = new Date(
      notBefore.getTime() + ((expiresOn.getTime() - notBefore.getTime()) * trigger.lifetimePercentage) / 100,
    );
  }
  return { mode: 'automatic', ...(due === undefined ? {} : { due }) };
}

/** The certificate as far as the list tells. The dates are Key Vault's copies of those of the certificate. */
export function describeCertificate(properties: CertificateProperties, policy: CertificatePolicy | undefined): Item {
  const { x509ThumbprintString: thumbprint, notBefore, expiresOn } = properties;
  return {
    kind: 'described',
    place: { key: 'certificate' },
    role: 'server',
    ...(thumbprint === undefined ? {} : { sha1: thumbprint.toLowerCase() }),
    ...(notBefore === undefined ? {} : { notBefore }),
    notAfter: expiresOn ?? 'unknown',
    renewal: describeRenewal(policy, properties),
    ...describeLabels(properties),
  };
}

/** Why there is no next version, where Key Vault says so (https://learn.microsoft.com/azure/key-vault/certificates/create-certificate-scenarios). */
export function stuckText({ status, details, failure }: PendingVersion): string | undefined {
  if (failure !== undefined) return `Key Vault could not make the next version: ${failure}`;
  switch (status) {
    case undefined:
    case 'completed':
      return undefined;
    case 'cancelled':
      return 'the making of the next version was cancelled';
    default:
      return `the next version waits (${status}): ${details ?? 'Key Vault says no more'}`;
  }
}

/** A version that the latest has taken the place of; who has pinned it stays with it. */
export function describeOlder({ cer, properties }: KeyVaultCertificate, latest: KeyVaultCertificateWithPolicy): Item {
  const { version = '', expiresOn, notBefore, x509ThumbprintString: thumbprint } = properties;
  const end = latest.properties.expiresOn;
  const outlived = expiresOn !== undefined && end !== undefined && end.getTime() > expiresOn.getTime();
  const common = {
    place: { key: `version/${version}` },
    renewal: { mode: 'manual' },
    ...(outlived ? { supersededBy: latest.properties.id ?? 'certificate' } : {}),
  } as const;
  try {
    if (cer === undefined || cer.length === 0) throw new CertificateError('there is none');
    return { kind: 'certificate', der: cer, role: roleOf(parseCertificate(cer).extendedKeyUsage), ...common };
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    return {
      kind: 'described',
      role: 'server',
      ...(thumbprint === undefined ? {} : { sha1: thumbprint.toLowerCase() }),
      ...(notBefore === undefined ? {} : { notBefore }),
      notAfter: expiresOn ?? 'unknown',
      ...common,
    };
  }
}
