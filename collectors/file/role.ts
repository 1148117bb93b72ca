import type { Certificate } from '../../src/certificate/certificate.ts';
import type { KeystoreUse } from '../../src/certificate/part.ts';
import { roleOf } from '../../src/cloud/role.ts';
import type { Role } from '../../src/plugin/item.ts';

/** What the place of a file says about the certificates in it. */
export interface Layout {
  /** Whoever uses the file trusts what is in it. */
  readonly isTrusted: boolean;
  /** Its leaf is what somebody logs in with. */
  readonly isClient: boolean;
}

/** Files of authorities that somebody trusts: `ca.crt`, `ca-bundle.pem`, `client-ca.pem`, `truststore.jks`, `root.crt`. */
const TRUSTED_NAME =
  /(?:^|[-_.])(?:ca|ca-?certs?|ca-?bundle|ca-?certificates|cabundle|root(?:-?ca)?|rootcerts|trust|trusted|trust-?store|tls-ca-bundle|trust-anchors?)(?:[-_.]?\d+)?$/;
/** Folders of authorities: of Debian, Red Hat, SUSE, Alpine and FreeBSD, of Docker, and those that people make. */
const TRUSTED_FOLDER =
  /(?:^\/etc\/ssl\/certs|^\/usr\/(?:local\/)?share\/ca-certificates|^\/etc\/ca-certificates|^\/etc\/pki\/(?:ca-trust|tls\/certs|java)|^\/usr\/share\/pki\/(?:ca-trust|trust)|^\/etc\/pki\/trust|^\/var\/lib\/ca-certificates|\/(?:trust-?store|trusted|trusted-?cas?|cacerts|ca-certs))(?:\/|$)/;
const CLIENT_NAME = /(?:^|[-_.])client(?:[-_.]|$)/;
const ENDING = /\.(?:pem|crt|cer|cert|der|p7b|p7c|p12|pfx|jks|jceks|bks|keystore|bcfks|0|1)$/;

/** What the path of a file says. `name` is its last part. */
export function layoutOf(path: string, name: string): Layout {
  const bare = name.toLowerCase().replace(ENDING, '');
  const folder = path.slice(0, Math.max(0, path.length - name.length - 1));
  return {
    isTrusted: TRUSTED_NAME.test(bare) || TRUSTED_FOLDER.test(folder),
    isClient: CLIENT_NAME.test(bare) && !TRUSTED_NAME.test(bare),
  };
}

/** What is known of a certificate besides itself. */
export interface Setting {
  readonly layout: Layout;
  /** Of a keystore. */
  readonly use?: KeystoreUse | undefined;
  /** Its private key lies beside it. */
  readonly hasKey: boolean;
}

/**
 * What a certificate in a file does. What a keystore says of it outranks the layout, and the layout what may be guessed
 * from the certificate. An authority whose key is there signs.
 */
export function roleInFile(certificate: Certificate, { layout, use, hasKey }: Setting): Role {
  if (use === 'trusted') return 'trust-anchor';
  if (certificate.isCa) {
    if (hasKey) return 'issuer';
    if (layout.isTrusted && use === undefined) return 'trust-anchor';
    return isSelfIssued(certificate) ? 'trust-anchor' : 'intermediate';
  }
  // Roots of the days before basicConstraints are of version 1 and say nothing about themselves.
  const isOldRoot = certificate.version < 3 && isSelfIssued(certificate);
  if (layout.isTrusted && !hasKey && use === undefined && (isOldRoot || !isLeafByUse(certificate))) {
    return 'trust-anchor';
  }
  const role = roleOf(certificate.extendedKeyUsage);
  return role === 'server' && layout.isClient && maySpeakAsClient(certificate) ? 'client' : role;
}

/** Whether it says itself what it is for. A server's certificate in `/etc/ssl/certs` is a server's, and nobody's anchor. */
function isLeafByUse({ extendedKeyUsage, names }: Certificate): boolean {
  return (extendedKeyUsage !== undefined && extendedKeyUsage.length > 0) || names.length > 0;
}

function maySpeakAsClient({ extendedKeyUsage = [] }: Certificate): boolean {
  return (
    extendedKeyUsage.length === 0 ||
    extendedKeyUsage.includes('clientAuth') ||
    extendedKeyUsage.includes('anyExtendedKeyUsage')
  );
}

export function isSelfIssued({ subject, issuer }: Certificate): boolean {
  return Buffer.compare(subject.der, issuer.der) === 0;
}
