import { proveIt, renewIt, seeIt } from '../advice.ts';
import type { Deadline } from '../deadline.ts';
import { endingFindings } from '../ending.ts';
import type { Assessment } from '../finding.ts';
import type { Subject } from '../subject.ts';
import { placeName, titleOf } from '../wording.ts';

/** A credential that is not X.509 (a client secret, an API key) has crossed a threshold. */
export function credentialExpiring(subject: Subject): Assessment {
  return endingFindings(subject, 'credential-expiring', advice);
}

function advice(deadline: Deadline, { location }: Subject): readonly string[] {
  return [
    ...seeIt(location),
    `${renewIt(deadline.item, deadline.sighting)}: add a second one at ${placeName(location)} while ${titleOf(deadline.item)} still works`,
    'Give the new one to every application that uses the old one, see that they log in with it, then delete the old one',
    proveIt(location),
  ];
}
