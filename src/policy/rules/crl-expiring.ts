import { proveIt, seeIt } from '../advice.ts';
import type { Deadline } from '../deadline.ts';
import { endingFindings } from '../ending.ts';
import type { Assessment } from '../finding.ts';
import type { Subject } from '../subject.ts';
import { placeName } from '../wording.ts';

/**
 * A revocation list is near its nextUpdate or past it. A server that checks clients against a list past its nextUpdate
 * rejects all of them, whatever their certificates (RFC 5280 section 6.3.3).
 */
export function crlExpiring(subject: Subject): Assessment {
  return endingFindings(subject, 'crl-expiring', advice);
}

function advice(deadline: Deadline, { location }: Subject): readonly string[] {
  const issuer = deadline.item.kind === 'crl' ? deadline.item.issuer : 'its issuer';
  return [
    ...seeIt(location),
    `Find out why ${issuer} has published no newer list, or why the job that fetches it has not run`,
    `Put the newer list at ${placeName(location)} and reload what reads it: most servers read it only at a reload`,
    proveIt(location),
  ];
}
