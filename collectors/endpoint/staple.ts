import { certificateIn } from '../../src/certificate/certificate.ts';
import { findIssuer } from '../../src/certificate/issuer.ts';
import { judgeOcsp } from '../../src/certificate/ocsp.ts';
import type { Staple } from '../../src/plugin/observation.ts';
import type { ProbeResult } from '../../src/tls/probe-result.ts';

/** Signatures checked to find the issuer among what was served. */
const MAX_CHECKS = 8;

/**
 * What the OCSP response says that came with the certificate, judged now; `undefined` when none came or the certificate
 * cannot be read. Where the server sent no issuer nobody can judge it, and that is a problem of the chain.
 */
export function judgeStaple({ ocspStaple, chain }: ProbeResult, now: number): Staple | undefined {
  if (ocspStaple === undefined) return undefined;
  const [leaf, ...others] = chain.map((der) => certificateIn(der));
  if (leaf === undefined) return undefined;
  const issuer = findIssuer(leaf, [others.filter((certificate) => certificate !== undefined)], MAX_CHECKS);
  if (issuer === undefined) {
    return { status: 'unknown', problem: 'it cannot be judged: the server did not send the issuer of its certificate' };
  }
  const { reason: _, ...statement } = judgeOcsp(ocspStaple, leaf, issuer, now);
  return statement;
}
