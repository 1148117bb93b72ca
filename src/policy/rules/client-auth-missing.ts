import { deployClient, proveLogin } from '../advice.ts';
import { clientsShownTo, type ShownClient } from '../client.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment, Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';
import { fullNameOf, placeName, titleOf } from '../wording.ts';

/** Each of them allows a client to authenticate (RFC 5280 section 4.2.1.12). */
const CLIENT_USAGES: ReadonlySet<string> = new Set(['clientAuth', 'anyExtendedKeyUsage']);

/** A certificate is shown as a client's whose extended key usage does not allow it. Without the extension all is allowed. */
export function clientAuthMissing(subject: Subject): Assessment {
  const findings = new Map<string, Finding>();
  for (const client of clientsShownTo(subject.location, subject.view)) {
    const usages = client.leaf.item.extendedKeyUsage;
    if (usages === undefined || usages.some((usage) => CLIENT_USAGES.has(usage))) continue;
    if (!findings.has(client.leaf.item.id)) findings.set(client.leaf.item.id, toFinding(client, usages, subject));
  }
  return { findings: [...findings.values()] };
}

function toFinding(client: ShownClient, usages: readonly string[], { location }: Subject): Finding {
  const { name, leaf, verdict, endedBy } = client;
  const allowed = usages.length === 0 ? 'nothing' : usages.join(', ');
  const isRejected = verdict?.status === 'rejected' && endedBy === undefined;
  const today = isRejected
    ? `the server rejects it (${verdict.reason ?? 'no reason given'})`
    : 'a server that checks usages rejects it';
  return {
    rule: 'client-auth-missing',
    family: 'client',
    severity: isRejected ? 'critical' : 'warning',
    cause: leaf.item.id,
    title: titleOf(leaf.item),
    summary: `${fullNameOf(leaf.item)} of client ${name} lacks clientAuth in its extended key usage (it allows ${allowed}): ${today}, at ${placeName(location)}`,
    facts: [
      { name: 'Extended key usage', value: allowed },
      ...(verdict === undefined
        ? []
        : [{ name: 'Verdict', value: `${verdict.status}${verdict.reason === null ? '' : `: ${verdict.reason}`}` }]),
      ...itemFacts(leaf.item, leaf),
    ],
    actions: [
      "Reissue it with clientAuth, from a private CA: public CAs are giving up client certificates (Let's Encrypt in 2026), so a renewal there loses it again",
      deployClient(name, leaf),
      proveLogin(location, leaf),
    ],
  };
}
