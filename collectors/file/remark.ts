import type { Certificate } from '../../src/certificate/certificate.ts';
import { issuerCandidates } from '../../src/certificate/issuer.ts';
import type { ContainerPart } from '../../src/certificate/part.ts';
import { judgeServedList } from '../../src/certificate/served-list.ts';

/** Certificates of one file that are put in order; no server sends more. */
const MAX_CHAIN = 16;
/** Repeats that are named. */
const MAX_NAMED = 5;

/**
 * What is to be said of the parts of a file that are read all the same, a clause each: what OpenSSL refuses, and a chain
 * that a server would send in the wrong order (RFC 5246 section 7.4.2) or twice.
 */
export function remarksOn(parts: readonly ContainerPart[]): ReadonlyMap<ContainerPart, readonly string[]> {
  const remarks = new Map<ContainerPart, readonly string[]>();
  for (const part of parts) {
    if (!('mended' in part) || part.mended === undefined) continue;
    remarks.set(part, [`OpenSSL does not read it as it is written there (${part.mended})`]);
  }
  const faults = chainFaults(parts);
  if (faults !== undefined) remarks.set(faults.leaf, [...(remarks.get(faults.leaf) ?? []), ...faults.clauses]);
  return remarks;
}

/** Only where the file is the chain of one certificate: of several, and of authorities alone, the order says nothing. */
function chainFaults(
  parts: readonly ContainerPart[],
): { readonly leaf: ContainerPart; readonly clauses: readonly string[] } | undefined {
  const found = parts.filter((part) => part.kind === 'certificate');
  if (found.length < 2 || found.length > MAX_CHAIN) return undefined;
  const leaf = found.find(({ certificate }) => !certificate.isCa);
  if (leaf === undefined) return undefined;
  const { fingerprint } = leaf.certificate;
  if (found.some(({ certificate }) => !certificate.isCa && certificate.fingerprint !== fingerprint)) return undefined;
  const certificates = found.map(({ certificate }) => certificate);
  const { isOutOfOrder, repeated } = judgeServedList(certificates, pathFrom(leaf.certificate, certificates));
  const isFirst = found[0] === leaf;
  const named = repeated.slice(0, MAX_NAMED).map((id) => titleOf(certificates.find((one) => one.fingerprint === id)));
  const clauses = [
    ...(isFirst ? [] : ['it is not the first in its file, though servers send the first']),
    ...(isFirst && isOutOfOrder ? ['the issuers behind it are out of order'] : []),
    ...(repeated.length === 0 ? [] : [`in its file more than once: ${named.join(', ')}`]),
  ];
  return clauses.length === 0 ? undefined : { leaf, clauses };
}

/** The certificate and its issuers as far as the file has them. */
function pathFrom(leaf: Certificate, among: readonly Certificate[]): readonly Certificate[] {
  const path = [leaf];
  for (let next: Certificate | undefined = leaf; next !== undefined && path.length <= MAX_CHAIN;) {
    next = issuerCandidates(next, [among]).find(
      (one) => !path.some(({ fingerprint }) => fingerprint === one.fingerprint),
    );
    if (next !== undefined) path.push(next);
  }
  return path;
}

function titleOf(certificate: Certificate | undefined): string {
  return certificate?.subject.commonName ?? certificate?.subject.text ?? '';
}
