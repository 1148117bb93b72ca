import { acceptanceOf } from '../../plugin/client.ts';
import { proveLogin } from '../advice.ts';
import { clientsShownTo, type ShownClient } from '../client.ts';
import type { Assessment, Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';
import { counted, fullNameOf, placeName, targetName, titleOf } from '../wording.ts';

/** Issuers that are spelled out. */
const MAX_LISTED = 10;

/**
 * The server names the issuers that it accepts, and none of them is above the client, though it has not been seen to
 * accept it all the same. Many clients send no certificate at all then.
 */
export function issuerNotAccepted(subject: Subject): Assessment {
  const acceptable = subject.location.endpoint?.acceptableIssuers ?? [];
  const findings = new Map<string, Finding>();
  for (const client of clientsShownTo(subject.location, subject.view)) {
    if (client.verdict?.status === 'accepted' || findings.has(client.leaf.item.id)) continue;
    const issuers = issuersOf(client);
    if (acceptanceOf(issuers, acceptable) !== 'not-named') continue;
    findings.set(client.leaf.item.id, toFinding(client, issuers, acceptable, subject));
  }
  return { findings: [...findings.values()] };
}

function issuersOf({ path }: ShownClient): readonly string[] {
  return [...new Set(path.map(({ item }) => item.issuer))];
}

function toFinding(
  client: ShownClient,
  issuers: readonly string[],
  acceptable: readonly string[],
  { location }: Subject,
): Finding {
  const { name, leaf, verdict, endedBy } = client;
  const target = targetName(location);
  const more = acceptable.length - MAX_LISTED;
  return {
    rule: 'issuer-not-accepted',
    family: 'client',
    severity: verdict?.status === 'rejected' && endedBy === undefined ? 'critical' : 'warning',
    cause: leaf.item.id,
    title: titleOf(leaf.item),
    summary: `${target} names ${counted(acceptable.length, 'acceptable issuer')}, and none of them is above client ${name} (issued by ${leaf.item.issuer}): its login fails where the server means it, at ${placeName(location)}`,
    facts: [
      { name: `Client ${name}`, value: fullNameOf(leaf.item) },
      { name: 'Fingerprint', value: leaf.item.id },
      { name: 'Issuers of the client', value: issuers.join('; ') },
      {
        name: 'Acceptable issuers',
        value: `${acceptable.slice(0, MAX_LISTED).join('; ')}${more > 0 ? ` and ${counted(more, 'other')}` : ''}`,
      },
      ...(verdict === undefined
        ? []
        : [{ name: 'Verdict', value: `${verdict.status}${verdict.reason === null ? '' : `: ${verdict.reason}`}` }]),
    ],
    actions: [
      'If an acceptable issuer stands above these, the intermediate between them is missing: send it behind the client certificate, in its file',
      `Else ask the owner of ${target} whether the CA of the client is still trusted there; or reissue the client under one of the acceptable issuers`,
      proveLogin(location, leaf),
    ],
  };
}
