import { compareKey, deployIt, proveIt, renewIt, seeIt } from '../advice.ts';
import type { Deadline } from '../deadline.ts';
import { endingFindings } from '../ending.ts';
import type { Location } from '../../inventory/model.ts';
import type { Assessment } from '../finding.ts';
import type { Subject } from '../subject.ts';
import { placeName, titleOf } from '../wording.ts';
import { replaceForClients } from './client-will-fail.ts';

/** A leaf or an authority has crossed a threshold and has not ended yet. */
export function expiring(subject: Subject): Assessment {
  return endingFindings(subject, 'expiring', replaceIt);
}

/** How a leaf or an authority is replaced, before its end or after it. */
export function replaceIt(deadline: Deadline, { location }: Subject): readonly string[] {
  // What an endpoint shows is the server's; what a client shows it is replaced where the client has it.
  if (deadline.client !== undefined) return replaceForClients(deadline, [deadline.client], location);
  return deadline.kind === 'authority' || deadline.kind === 'trust-anchor'
    ? [...seeIt(location), ...replaceAuthority(deadline), proveIt(location)]
    : deadline.sighting?.use === undefined
      ? replaceOwn(deadline, location)
      : replaceOfOthers(deadline, location);
}

function replaceOwn(deadline: Deadline, location: Location): readonly string[] {
  return [
    ...seeIt(location),
    renewIt(deadline.item, deadline.sighting),
    ...compareKey(location, deadline.sighting),
    deployIt(location, deadline.sighting),
    proveIt(location),
  ];
}

/** It is known by its use alone: whoever uses it has it, and nobody here can replace it. */
function replaceOfOthers({ item, sighting }: Deadline, location: Location): readonly string[] {
  const owner = sighting?.labels?.['owner'] ?? location.labels['owner'];
  return [
    `Tell ${owner ?? 'the owner of the client'} that ${titleOf(item)} ends, and ask when the successor will be in use`,
    `Before that, see that the server will take the successor: its issuer must be in the trust store for clients, and where a subject, a serial number or a fingerprint is mapped or pinned, the new one has to be added`,
    `Prove it: the successor must be seen at ${placeName(location)}, and the old one no more; the alert resolves by itself then`,
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
