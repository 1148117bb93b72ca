import type { Role } from '../plugin/item.ts';

const SIGNING = new Set(['codeSigning', 'timeStamping', 'emailProtection', 'OCSPSigning']);

/**
 * What an end-entity certificate of a cloud store does, judged by its extended key usage (RFC 5280 section 4.2.1.12).
 * The stores exist for servers, so everything that may serve is `server`, also without the extension.
 */
export function roleOf(extendedKeyUsage: readonly string[] | undefined): Role {
  if (extendedKeyUsage === undefined || extendedKeyUsage.length === 0) return 'server';
  if (extendedKeyUsage.includes('serverAuth') || extendedKeyUsage.includes('anyExtendedKeyUsage')) return 'server';
  if (extendedKeyUsage.includes('clientAuth')) return 'client';
  return extendedKeyUsage.some((usage) => SIGNING.has(usage)) ? 'signer' : 'server';
}
