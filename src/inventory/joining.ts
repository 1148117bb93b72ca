import { nameKey } from '../certificate/name-key.ts';
import { plainSerial } from '../plugin/demands.ts';
import type { DescribedCertificate, KnownCertificate } from './model.ts';

/** A certificate whose DER was seen, with what descriptions may call it by. */
export interface Candidate {
  readonly item: KnownCertificate;
  /** Lower-case hex; absent where it was never worked out. */
  readonly sha1?: string;
}

/**
 * The certificate that a description is of, if it is among the candidates: by its SHA-256, its SHA-1, or its issuer and
 * serial number. Where the issuer is not told, both dates must be known and agree. A description that is at odds with
 * itself joins nothing: whoever wrote the log is not believed half.
 */
export function joinOf(described: DescribedCertificate, candidates: Iterable<Candidate>): KnownCertificate | undefined {
  for (const candidate of candidates) if (isOf(described, candidate)) return candidate.item;
  return undefined;
}

function isOf(described: DescribedCertificate, { item, sha1 }: Candidate): boolean {
  if (described.sha256 !== undefined) return described.sha256 === item.id;
  if (described.sha1 !== undefined && sha1 !== undefined) return described.sha1 === sha1;
  if (described.serial === undefined || plainSerial(described.serial) !== plainSerial(item.serial)) return false;
  if (described.issuer !== undefined) return nameKey(described.issuer) === nameKey(item.issuer);
  return isSameTime(described.notAfter, item.notAfter) && isSameTime(described.notBefore, item.notBefore);
}

/** To the second: logs have no more. */
function isSameTime(one: DescribedCertificate['notAfter'] | undefined, other: KnownCertificate['notAfter']): boolean {
  if (one?.status !== 'known' || other.status !== 'known') return false;
  return Math.floor(one.at / 1000) === Math.floor(other.at / 1000);
}
