import { readdirSync, readFileSync, statSync, type Dirent } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';

import type { Certificate } from '../certificate/certificate.ts';
import { nameKey } from '../certificate/name-key.ts';
import { readContainer } from '../certificate/container.ts';

/**
 * Where distributions keep the public roots that they ship: Debian, Alpine and SUSE, and the p11-kit bundles of Fedora.
 * What an administrator adds lives elsewhere (`/usr/local`, `/etc`) and is no public root.
 */
const VENDOR_FOLDERS = ['/usr/share/ca-certificates', '/usr/share/pki/ca-trust-source'] as const;

const MAX_FILES = 5_000;
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const MAX_DEPTH = 8;

/** Whom this machine trusts. */
export interface Trust {
  /** Mozilla's roots, as Node brings them. */
  readonly mozilla: readonly Certificate[];
  /** The store of the operating system, and what `NODE_EXTRA_CA_CERTS` names. */
  readonly system: readonly Certificate[];
  /**
   * Fingerprints of the roots that everybody ships: their end is the business of who ships them. Older roots that a
   * distribution still carries are among them.
   */
  readonly publicRoots: ReadonlySet<string>;
  /** Whether one of these roots has issued the certificate, by name and key identifier; a signature is not checked. */
  hasPublicIssuer(certificate: Issued): boolean;
}

/** What a certificate says of its issuer: the name as RFC 4514 text. */
export interface Issued {
  readonly issuer: string;
  readonly authorityKeyId?: string;
}

/** Reads the trust stores. Takes some tens of milliseconds: load once, and only when needed. */
export function loadTrust(vendorFolders: readonly string[] = VENDOR_FOLDERS): Trust {
  const mozilla = anchorsOf('bundled');
  const shipped = vendorFolders
    .flatMap((folder) => filesUnder(folder))
    .flatMap((path) => certificatesOf(readSmall(path)));
  const roots = [...mozilla, ...shipped];
  const bySubject = Map.groupBy(roots, ({ subject }) => nameKey(subject.text));
  return {
    mozilla,
    system: [...anchorsOf('system'), ...anchorsOf('extra')],
    publicRoots: new Set(roots.map(({ fingerprint }) => fingerprint)),
    hasPublicIssuer: ({ issuer, authorityKeyId }) =>
      bySubject
        .get(nameKey(issuer))
        ?.some(
          ({ subjectKeyId }) =>
            subjectKeyId === undefined || authorityKeyId === undefined || subjectKeyId === authorityKeyId,
        ) ?? false,
  };
}

function anchorsOf(kind: 'bundled' | 'system' | 'extra'): readonly Certificate[] {
  return getCACertificates(kind).flatMap((pem) => certificatesOf(Buffer.from(pem, 'latin1')));
}

function certificatesOf(bytes: Uint8Array): readonly Certificate[] {
  return readContainer(bytes).parts.flatMap((part) => (part.kind === 'certificate' ? [part.certificate] : []));
}

/** Regular files below a folder; none when it is not there or cannot be read. */
function filesUnder(folder: string, depth = 0): readonly string[] {
  if (depth > MAX_DEPTH) return [];
  const files: string[] = [];
  for (const entry of readFolder(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...filesUnder(path, depth + 1));
    else if (entry.isFile()) files.push(path);
    if (files.length > MAX_FILES) break;
  }
  return files.slice(0, MAX_FILES);
}

function readFolder(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** The content of a file; nothing when it is too large or cannot be read: the set is then smaller, and more is reported. */
function readSmall(path: string): Uint8Array {
  try {
    return statSync(path).size <= MAX_FILE_BYTES ? readFileSync(path) : new Uint8Array();
  } catch {
    return new Uint8Array();
  }
}
