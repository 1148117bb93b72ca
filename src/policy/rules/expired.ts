import { proveIt, renewIt, seeIt } from '../advice.ts';
import type { Deadline } from '../deadline.ts';
import { endingFindings } from '../ending.ts';
import type { Assessment } from '../finding.ts';
import type { Subject } from '../subject.ts';
import { placeName } from '../wording.ts';
import { replaceIt } from './expiring.ts';

/** A certificate or a credential is at its end or past it: `now >= notAfter`. */
export function expired(subject: Subject): Assessment {
  return endingFindings(subject, 'expired', advice);
}

function advice(deadline: Deadline, subject: Subject): readonly string[] {
  const { location } = subject;
  if (deadline.kind === 'credential') {
    return [...seeIt(location), renewIt(deadline.item, deadline.sighting), proveIt(location)];
  }
  const removal =
    location.type === 'endpoint' || deadline.sighting?.use !== undefined
      ? []
      : [`If nothing uses it any more, remove it from ${placeName(location)}: the alert ends when it is gone`];
  return [...replaceIt(deadline, subject), ...removal];
}
