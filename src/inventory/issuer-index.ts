import { nameKey } from '../certificate/name-key.ts';
import type { KnownCertificate } from './model.ts';

/** Certificates above one another that are followed, and authorities of one name that are compared. */
const MAX_DEPTH = 8;
const MAX_BREADTH = 16;
/** Authorities of one name that are looked at in one search: cross-signs of one CA are a handful. */
const MAX_COMPARED = 256;

/** Finds issuers among known authorities by name and key identifier. Signatures are not checked: it is a join, no proof. */
export class IssuerIndex {
  private readonly bySubject = new Map<string, Map<string, KnownCertificate>>();

  constructor(authorities: Iterable<KnownCertificate> = []) {
    for (const authority of authorities) this.add(authority);
  }

  add(authority: KnownCertificate): void {
    const key = nameKey(authority.subject);
    const same = this.bySubject.get(key);
    if (same === undefined) this.bySubject.set(key, new Map([[authority.id, authority]]));
    else same.set(authority.id, authority);
  }

  /**
   * The authorities above a certificate, the nearest first. Where there are several of one issuer (a renewed CA), the path
   * goes by the one that ends last. `known`: it stops below a root, of which whoever verifies has its own copy. `sent`:
   * everything that a client sends counts.
   */
  pathAbove(certificate: KnownCertificate, reach: 'known' | 'sent'): readonly KnownCertificate[] {
    const path: KnownCertificate[] = [];
    for (let child = certificate; path.length < MAX_DEPTH;) {
      const issuer = this.issuersOf(child)
        .filter((candidate) => !path.includes(candidate) && (reach === 'sent' || !candidate.selfIssued))
        .toSorted((a, b) => endOf(b) - endOf(a))[0];
      if (issuer === undefined) break;
      path.push(issuer);
      child = issuer;
    }
    return path;
  }

  /** The names of the issuers on every path that may lead up from a certificate, its own issuer included. */
  issuerNames(certificate: KnownCertificate): ReadonlySet<string> {
    const names = new Set([certificate.issuer]);
    let level: readonly KnownCertificate[] = [certificate];
    for (let depth = 0; depth < MAX_DEPTH && level.length > 0; depth++) {
      level = [...new Set(level.flatMap((child) => this.issuersOf(child)))].slice(0, MAX_BREADTH);
      for (const { issuer } of level) names.add(issuer);
    }
    return names;
  }

  private issuersOf(child: KnownCertificate): readonly KnownCertificate[] {
    if (child.selfIssued) return [];
    const candidates = this.bySubject.get(nameKey(child.issuer));
    if (candidates === undefined) return [];
    const issuers: KnownCertificate[] = [];
    let compared = 0;
    for (const issuer of candidates.values()) {
      if (++compared > MAX_COMPARED) break;
      if (issuer.id !== child.id && keyIdsFit(child, issuer)) issuers.push(issuer);
    }
    return issuers;
  }
}

/** An identifier on both sides that differs rules an issuer out. */
function keyIdsFit(child: KnownCertificate, issuer: KnownCertificate): boolean {
  return (
    child.authorityKeyId === undefined ||
    issuer.subjectKeyId === undefined ||
    child.authorityKeyId === issuer.subjectKeyId
  );
}

/** For comparison: a date that is large but finite stands for no end. */
function endOf({ notAfter }: KnownCertificate): number {
  switch (notAfter.status) {
    case 'known':
      return notAfter.at;
    case 'never':
      return Number.MAX_SAFE_INTEGER;
    case 'unreadable':
      return 0;
  }
}
