import { compareKey, deployIt, proveIt, renewIt, seeIt } from '../advice.ts';
import type { Deadline } from '../deadline.ts';
import { endingFindings } from '../ending.ts';
import type { Assessment } from '../finding.ts';
import type { Subject } from '../subject.ts';
import { titleOf } from '../wording.ts';

/** A leaf or an authority has crossed a threshold and has not ended yet. */
export function expiring(subject: Subject): Assessment {
  return endingFindings(subject, 'expiring', replaceIt);
}

/** How a leaf or an authority is replaced, before its end or after it. */
export function replaceIt(deadline: Deadline, { location }: Subject): readonly string[] {
  return deadline.kind === 'authority' || deadline.kind === 'trust-anchor'
    ? [...seeIt(location), ...replaceAuthority(deadline), proveIt(location)]
    : [
        ...seeIt(location),
        renewIt(deadline.item, deadline.sighting),
        ...compareKey(location, deadline.sighting),
        deployIt(location, deadline.sighting),
        proveIt(location),
      ];
}

/** The order matters: who has to trust the successor must know it before anything presents it. */
function replaceAuthority(deadline: Deadline): readonly string[] {
  const name = titleOf(deadline.item);
  const leaf =
    deadline.limits === undefined
      ? []
      : [`A new certificate for ${titleOf(deadline.limits)} alone does not help while ${name} is above it`];
  return [
    ...leaf,
    `Ask the owner of ${name} for its successor, or for a chain that does without it`,
    'Bring the successor into every trust store that needs it, then reissue and install what it signs, then remove the old one',
  ];
}
