import type { Certificate } from '../../src/certificate/certificate.ts';
import { readContainer } from '../../src/certificate/container.ts';
import type { Item, Role } from '../../src/plugin/item.ts';
import type { Problem } from '../../src/plugin/observation.ts';

export interface ReadPart {
  /** Certificates and revocation lists, in their order. */
  readonly items: readonly Item[];
  readonly problems: readonly Problem[];
}

/** What stands in a PEM text; `roleOf` says what each certificate does there. */
export function readPart(pem: string, place: string, roleOf: (certificate: Certificate) => Role): ReadPart {
  const items: Item[] = [];
  const problems: Problem[] = [];
  if (pem.trim() === '') return { items, problems };
  for (const part of readContainer(Buffer.from(pem)).parts) {
    switch (part.kind) {
      case 'certificate': {
        const { certificate } = part;
        items.push({
          kind: 'certificate',
          der: certificate.der,
          parsed: certificate,
          place: { key: place, index: part.index },
          role: roleOf(certificate),
        });
        break;
      }
      case 'crl':
        items.push({ kind: 'crl', der: part.crl.der, place: { key: place, index: part.index }, role: 'issuer' });
        break;
      case 'problem':
        problems.push({
          reason: part.problem,
          place,
          detail: `what Vault holds as ${place} cannot be read: ${part.detail}`,
        });
        break;
      case 'private-key':
        break;
    }
  }
  if (items.length === 0 && problems.length === 0) {
    problems.push({ reason: 'malformed', place, detail: `what Vault holds as ${place} is no certificate` });
  }
  return { items, problems };
}

/** An issuer signs where its key is in Vault; without it, it stands there to complete chains. */
export function roleOfIssuer(certificate: Certificate, hasKey: boolean): Role {
  if (hasKey) return 'issuer';
  return isSelfIssued(certificate) ? 'trust-anchor' : 'intermediate';
}

export function isSelfIssued({ subject, issuer }: Certificate): boolean {
  return Buffer.compare(subject.der, issuer.der) === 0;
}
