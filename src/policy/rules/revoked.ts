import type { RevocationFact } from '../../inventory/fact.ts';
import { clientNameOf } from '../../plugin/client.ts';
import { compareKey, deployIt, proveIt, renewIt, seeIt } from '../advice.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment, Finding } from '../finding.ts';
import { endsAt } from '../kind.ts';
import { servedBy, servedLeaf, type CertificateSighting } from '../served.ts';
import { assessment, earliest, type Subject } from '../subject.ts';
import { fullNameOf, placeName, titleOf, utc } from '../wording.ts';

/** That the issuer has taken a certificate back, and by what that is known. */
interface Revocation {
  readonly revokedAt?: number;
  readonly reason?: string;
  readonly by: string;
}

/**
 * The CA took back a certificate that is still there: the server says so itself, in the response that it staples, or the
 * CA does, in its list or its OCSP response. Critical where it is used, a warning where it lies.
 */
export function revoked(subject: Subject): Assessment {
  const { location, now } = subject;
  const findings = new Map<string, Finding>();
  const ends: (number | undefined)[] = [];
  for (const sighting of subject.certificates) {
    const { id } = sighting.item;
    const revocation = revocationOf(sighting, subject);
    if (revocation === undefined) continue;
    // What has ended is refused for that; nobody asks any more whether it was revoked.
    const end = endsAt(sighting.item);
    if (end !== undefined && now >= end) continue;
    ends.push(end);
    const isServed = servedBy(location).some(({ item }) => item.id === id);
    const isUsed = isServed || clientNameOf(sighting.place) !== undefined;
    if (!findings.has(id) || isUsed) findings.set(id, finding(subject, sighting, revocation, isUsed));
  }
  return assessment([...findings.values()], earliest(ends));
}

function revocationOf(sighting: CertificateSighting, { location, view }: Subject): Revocation | undefined {
  const { id } = sighting.item;
  const staple = location.endpoint?.staple;
  if (staple?.status === 'revoked' && servedLeaf(location)?.item.id === id) {
    return { ...whenOf(staple.revokedAt), by: 'the stapled OCSP response' };
  }
  const fact = view.facts(id).find((candidate) => candidate.kind === 'revocation' && candidate.status === 'revoked') as
    RevocationFact | undefined;
  if (fact === undefined) return undefined;
  return {
    ...whenOf(fact.revokedAt),
    ...(fact.reason === undefined ? {} : { reason: fact.reason }),
    by: fact.by === 'crl' ? `the revocation list ${fact.url}` : `the OCSP responder ${fact.url}`,
  };
}

function whenOf(revokedAt: number | undefined): Pick<Revocation, 'revokedAt'> {
  return revokedAt === undefined ? {} : { revokedAt };
}

function finding(
  { location }: Subject,
  sighting: CertificateSighting,
  { revokedAt, reason, by }: Revocation,
  isUsed: boolean,
): Finding {
  const { item } = sighting;
  const since = revokedAt === undefined ? '' : ` on ${utc(revokedAt)}`;
  const why = reason === undefined ? '' : ` (${reason})`;
  const state =
    clientNameOf(sighting.place) === undefined ? (isUsed ? 'still served' : 'still in place') : 'still presented';
  return {
    rule: 'revoked',
    family: 'chain',
    severity: isUsed ? 'critical' : 'warning',
    cause: item.id,
    title: titleOf(item),
    summary: `${fullNameOf(item)} was revoked${since}${why} and is ${state}, at ${placeName(location)}`,
    facts: [{ name: 'Revoked', value: `${since.trim() || 'yes'}, by ${by}` }, ...itemFacts(item, sighting)],
    actions: [
      ...seeIt(location),
      'Ask whoever holds the account at the CA why it was revoked: after a stolen key, the new certificate needs a new key',
      renewIt(item, sighting),
      ...compareKey(location, sighting),
      deployIt(location, sighting),
      proveIt(location),
    ],
  };
}
