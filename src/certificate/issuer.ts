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

/**
 * The certificate in `pools` whose key signed this one; at most so many signatures are checked. Whether it may sign
 * certificates at all is not asked.
 */
export function findIssuer(
  certificate: Certificate,
  pools: readonly (readonly Certificate[])[],
  maxSignatureChecks: number,
): Certificate | undefined {
  const check = new IssuerCheck(maxSignatureChecks);
  return issuerCandidates(certificate, pools).find((candidate) => check.relation(certificate, candidate) === 'issued');
}

/** Says whether one certificate was issued by another that has the right name. */
export type VerifyIssuer = (child: Certificate, issuer: Certificate) => IssuerRelation;

/** Verifies who issued whom, each pair once, and no more than a number of signatures in all. */
export class IssuerCheck {
  private readonly relations = new Map<string, IssuerRelation>();
  private readonly verify: VerifyIssuer;
  private left: number;
  /** A signature was not checked because there were too many. */
  isExhausted = false;

  constructor(maxSignatureChecks: number, verify: VerifyIssuer = verifyIssuer) {
    this.left = maxSignatureChecks;
    this.verify = verify;
  }

  relation(child: Certificate, issuer: Certificate): IssuerRelation {
    const pair = `${child.fingerprint} ${issuer.fingerprint}`;
    const known = this.relations.get(pair);
    if (known !== undefined) return known;
    if (this.left <= 0) {
      this.isExhausted = true;
      return 'unknown';
    }
    this.left -= 1;
    const relation = this.verify(child, issuer);
    this.relations.set(pair, relation);
    return relation;
  }
}

/**
 * By OpenSSL: names, key identifiers and the signature. Whether the issuer may sign certificates at all is not asked, so
 * that one which must not can be named.
 */
export function verifyIssuer(child: Certificate, issuer: Certificate): IssuerRelation {
  const below = readByOpenSsl(child);
  const above = readByOpenSsl(issuer);
  if (below === undefined || above === undefined) return 'unknown';
  try {
    // First, because it throws where checkIssued would only say no.
    const key = above.publicKey;
    const isNamed = below.checkIssued(above) || issuer.keyUsage?.includes('keyCertSign') === false;
    return isNamed && below.verify(key) ? 'issued' : 'not-issued';
  } catch {
    // The public key is of a kind that OpenSSL does not know, or no key at all.
    return 'unknown';
  }
}

/** The same, with a memory for pairs of authorities: the same few stand above every leaf. Holds at most `maxPairs`. */
export function rememberIssuers(verify: VerifyIssuer, maxPairs: number): VerifyIssuer {
  const memory = new Map<string, IssuerRelation>();
  return (child, issuer) => {
    if (!child.isCa) return verify(child, issuer);
    const pair = `${child.fingerprint} ${issuer.fingerprint}`;
    const known = memory.get(pair);
    if (known !== undefined) return known;
    const relation = verify(child, issuer);
    if (memory.size >= maxPairs) memory.delete(memory.keys().next().value ?? '');
    memory.set(pair, relation);
    return relation;
  };
}

/** Trust anchors are read again and again; what is no longer held by anybody is forgotten here, too. */
const readings = new WeakMap<Certificate, X509Certificate | 'unreadable'>();

function readByOpenSsl(certificate: Certificate): X509Certificate | undefined {
  let reading = readings.get(certificate);
  if (reading === undefined) {
    try {
      reading = new X509Certificate(certificate.der);
    } catch {
      reading = 'unreadable';
    }
    readings.set(certificate, reading);
  }
  return reading === 'unreadable' ? undefined : reading;
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
