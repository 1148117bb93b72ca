import type { CertificatePolicy, CertificateProperties } from '@azure/keyvault-certificates';

import type { Item } from '../../src/plugin/item.ts';

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

/** Tags as labels, each name made a label name the way Prometheus' service discovery does; `enabled` when it is not. */
export function describeLabels(properties: CertificateProperties): Pick<Item, 'labels'> {
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
