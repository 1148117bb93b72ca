import { compareKey, deployIt, proveIt, renewIt, seeIt } from '../advice.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment } from '../finding.ts';
import { servedLeaf } from '../served.ts';
import type { Subject } from '../subject.ts';
import { fullNameOf, placeName, titleOf, utc } from '../wording.ts';

/** The CA took back a certificate that is still served; the server says so itself, in the response that it staples. */
export function revoked({ location }: Subject): Assessment {
  const leaf = servedLeaf(location);
  const staple = location.endpoint?.staple;
  if (leaf === undefined || staple?.status !== 'revoked') return { findings: [] };
  const since = staple.revokedAt === undefined ? '' : ` on ${utc(staple.revokedAt)}`;
  return {
    findings: [
      {
        rule: 'revoked',
        family: 'chain',
        severity: 'critical',
        cause: leaf.item.id,
        title: titleOf(leaf.item),
        summary: `${fullNameOf(leaf.item)} was revoked${since} and is still served, at ${placeName(location)}`,
        facts: [
          { name: 'Revoked', value: `${since.trim() || 'yes'}, by the stapled OCSP response` },
          ...itemFacts(leaf.item, leaf),
        ],
        actions: [
          ...seeIt(location),
          'Ask whoever holds the account at the CA why it was revoked: after a stolen key, the new certificate needs a new key',
          renewIt(leaf.item, leaf),
          ...compareKey(location, leaf),
          deployIt(location, leaf),
          proveIt(location),
        ],
      },
    ],
  };
}
