import type { Location, Sighting } from '../../inventory/model.ts';
import { compareKey, proveIt, seeIt } from '../advice.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment, Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';
import { fullNameOf, placeName, titleOf } from '../wording.ts';

/** The private key that a certificate is to be used with is another one's: what loads the two fails at its next start. */
export function keyMismatch({ location }: Subject): Assessment {
  const findings = new Map<string, Finding>();
  for (const sighting of location.sightings) {
    if (sighting.key?.match === 'no' && !findings.has(sighting.item.id)) {
      findings.set(sighting.item.id, mismatch(location, sighting, sighting.key.at));
    }
  }
  return { findings: [...findings.values()] };
}

function mismatch(location: Location, sighting: Sighting, key: string): Finding {
  const { item } = sighting;
  const where = key === location.location ? 'beside it in the same file' : `at ${key}`;
  return {
    rule: 'key-mismatch',
    family: 'deployment',
    severity: 'critical',
    cause: item.id,
    title: titleOf(item),
    summary: `The private key ${where} does not belong to ${fullNameOf(item)}: what loads the two fails at its next start or reload, at ${placeName(location)}`,
    facts: itemFacts(item, sighting),
    actions: [
      ...seeIt(location),
      ...compareKey(location, sighting),
      'Do not restart or reload what uses them: it still runs with the old pair',
      'Find out which of the two was replaced last (ls -l), and bring the other one that was made with it; where the key is lost, make a new key and request a new certificate with it',
      proveIt(location),
    ],
  };
}
