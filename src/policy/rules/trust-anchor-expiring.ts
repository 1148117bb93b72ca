import { proveIt, seeIt } from '../advice.ts';
import type { Deadline } from '../deadline.ts';
import { endingFindings } from '../ending.ts';
import type { Assessment } from '../finding.ts';
import type { Subject } from '../subject.ts';
import { placeName, titleOf } from '../wording.ts';

/**
 * A trust anchor in use has crossed a threshold. When it ends, everything that it vouches for fails at once, however
 * long that lives itself. Roots of the public web in a bundle are no concern until they have ended.
 */
export function trustAnchorExpiring(subject: Subject): Assessment {
  return endingFindings(subject, 'trust-anchor-expiring', advice);
}

function advice(deadline: Deadline, { location }: Subject): readonly string[] {
  const name = titleOf(deadline.item);
  return [
    ...seeIt(location),
    `Ask the owner of ${name} for its successor, and compare the fingerprint over a second channel`,
    deadline.sighting === undefined || deadline.limits !== undefined
      ? `Add the successor beside ${name} in the trust stores of all clients of ${placeName(location)}`
      : `Add the successor beside ${name} at ${placeName(location)} and reload what reads it; keep both until nothing under the old one is left`,
    'Only then reissue what the old one signs, from the successor',
    proveIt(location),
  ];
}
