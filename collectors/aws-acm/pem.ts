import type { Certificate } from '../../src/certificate/certificate.ts';
import { readContainer } from '../../src/certificate/container.ts';
import { roleOf } from '../../src/cloud/role.ts';
import type { Item } from '../../src/plugin/item.ts';
import type { Problem } from '../../src/plugin/observation.ts';

export interface ReadCertificate {
  /** The certificate first, if it could be read, then its chain in the order of ACM. */
  readonly items: readonly Item[];
  readonly problems: readonly Problem[];
  readonly hasLeaf: boolean;
}

/** Reads what GetCertificate gives; `use` is what holds of the certificate itself. */
export function readCertificate(
  certificatePem: string,
  chainPem: string,
  use: Pick<Item, 'usedBy' | 'renewal'>,
): ReadCertificate {
  const own = readPart(certificatePem, 'certificate');
  const chain = readPart(chainPem, 'chain');
  const leaf = own.certificates[0];
  const missing: readonly Problem[] =
    leaf === undefined && own.problems.length === 0
      ? [{ reason: 'empty', place: 'chain', detail: 'GetCertificate gave no certificate' }]
      : [];
  return {
    items: [
      ...(leaf === undefined ? [] : [leafItem(leaf, use)]),
      ...chain.certificates.map((certificate, index) => chainItem(certificate, index)),
    ],
    problems: [...own.problems, ...missing, ...chain.problems],
    hasLeaf: leaf !== undefined,
  };
}

function readPart(
  pem: string,
  what: string,
): { readonly certificates: readonly Certificate[]; readonly problems: readonly Problem[] } {
  const certificates: Certificate[] = [];
  const problems: Problem[] = [];
  // An imported certificate may have no chain.
  if (pem === '') return { certificates, problems };
  for (const part of readContainer(Buffer.from(pem)).parts) {
    if (part.kind === 'certificate') certificates.push(part.certificate);
    // Not at `certificate`: what stands there is known by its description, and must not be kept from an earlier look.
    else if (part.kind === 'problem') {
      problems.push({
        reason: part.problem,
        place: 'chain',
        detail: `the ${what} that ACM holds cannot be read: ${part.detail}`,
      });
    }
  }
  return { certificates, problems };
}

function leafItem(certificate: Certificate, use: Pick<Item, 'usedBy' | 'renewal'>): Item {
  return {
    kind: 'certificate',
    der: certificate.der,
    place: { key: 'certificate' },
    role: roleOf(certificate.extendedKeyUsage),
    ...use,
  };
}

function chainItem(certificate: Certificate, index: number): Item {
  const isRoot = Buffer.compare(certificate.subject.der, certificate.issuer.der) === 0;
  return {
    kind: 'certificate',
    der: certificate.der,
    place: { key: 'chain', index },
    role: isRoot ? 'trust-anchor' : 'intermediate',
  };
}
