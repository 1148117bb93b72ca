import { X509Certificate } from 'node:crypto';
import type { Certificate } from './model.ts';
import { nameKey } from './name-key.ts';

/** `unknown`: OpenSSL cannot read one of the two, or there were too many checks already. */
export type IssuerRelation = 'issued' | 'not-issued' | 'unknown';

/** Lists of certificates by the key of their subject; a trust store is the same list for a hundred thousand chains. */
const indexes = new WeakMap<readonly Certificate[], ReadonlyMap<string, readonly Certificate[]>>();

/**
 * The certificates in `pools` that may have issued `certificate` by their name and key identifier, each once. Those whose
 * key identifier says so come first.
 */
export function issuerCandidates(
  certificate: Certificate,
  pools: readonly (readonly Certificate[])[],
): readonly Certificate[] {
  const key = nameKey(certificate.issuer.text);
  const found = new Map<string, Certificate>();
  for (const pool of pools) {
    for (const candidate of indexOf(pool).get(key) ?? []) {
      if (keyIdsFit(certificate, candidate)) found.set(candidate.fingerprint, candidate);
    }
  }
  const candidates = [...found.values()];
  return candidates.length < 2
    ? candidates
    : candidates.toSorted((one, other) => Number(hasKeyId(certificate, other)) - Number(hasKeyId(certificate, one)));
}

/** Verifies who issued whom, each pair once, and no more than a number of signatures in all. */
export class IssuerCheck {
  private readonly relations = new Map<string, IssuerRelation>();
  private readonly parsed = new Map<string, X509Certificate | undefined>();
  private left: number;

  constructor(maxSignatureChecks: number) {
    this.left = maxSignatureChecks;
  }

  relation(child: Certificate, issuer: Certificate): IssuerRelation {
    const pair = `${child.fingerprint} ${issuer.fingerprint}`;
    const known = this.relations.get(pair);
    if (known !== undefined) return known;
    if (this.left <= 0) return 'unknown';
    this.left -= 1;
    const relation = this.verify(child, issuer);
    this.relations.set(pair, relation);
    return relation;
  }

  private verify(child: Certificate, issuer: Certificate): IssuerRelation {
    const below = this.parse(child);
    const above = this.parse(issuer);
    if (below === undefined || above === undefined) return 'unknown';
    try {
      // First, because it throws where checkIssued would only say no.
      const key = above.publicKey;
      return below.checkIssued(above) && below.verify(key) ? 'issued' : 'not-issued';
    } catch {
      // The public key is of a kind that OpenSSL does not know, or no key at all.
      return 'unknown';
    }
  }

  private parse(certificate: Certificate): X509Certificate | undefined {
    const { fingerprint } = certificate;
    if (!this.parsed.has(fingerprint)) this.parsed.set(fingerprint, parseWithOpenSsl(certificate.der));
    return this.parsed.get(fingerprint);
  }
}

function parseWithOpenSsl(der: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}

function indexOf(pool: readonly Certificate[]): ReadonlyMap<string, readonly Certificate[]> {
  let index = indexes.get(pool);
  if (index === undefined) {
    index = Map.groupBy(pool, ({ subject }) => nameKey(subject.text));
    indexes.set(pool, index);
  }
  return index;
}

/** Whether a certificate says that its own key signed it. */
export function isSelfSigned(certificate: Certificate): boolean {
  return nameKey(certificate.subject.text) === nameKey(certificate.issuer.text) && keyIdsFit(certificate, certificate);
}

/** An identifier on both sides that differs rules an issuer out. */
function keyIdsFit(child: Certificate, issuer: Certificate): boolean {
  return (
    child.authorityKeyId === undefined ||
    issuer.subjectKeyId === undefined ||
    child.authorityKeyId === issuer.subjectKeyId
  );
}

function hasKeyId(child: Certificate, issuer: Certificate): boolean {
  return child.authorityKeyId !== undefined && child.authorityKeyId === issuer.subjectKeyId;
}
