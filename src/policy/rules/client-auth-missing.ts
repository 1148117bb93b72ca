import { deployClient, proveLogin } from '../advice.ts';
import { clientsShownTo, type ShownClient } from '../client.ts';
import { itemFacts } from '../facts.ts';
import type { Assessment, Finding } from '../finding.ts';
import type { Subject } from '../subject.ts';
import { fullNameOf, placeName, titleOf } from '../wording.ts';

/** Each of them allows a client to authenticate (RFC 5280 section 4.2.1.12). */
const CLIENT_USAGES: ReadonlySet<string> = new Set(['clientAuth', 'anyExtendedKeyUsage']);

/**
 * A certificate is shown as a client's whose extended key usage does not allow it, or will not from the next renewal on:
 * public CAs are giving up client certificates. Without the extension all is allowed.
 */
export function clientAuthMissing(subject: Subject): Assessment {
  const findings = new Map<string, Finding>();
  for (const client of clientsShownTo(subject.location, subject.view)) {
    const { item } = client.leaf;
    const usages = item.extendedKeyUsage;
    if (usages === undefined || findings.has(item.id)) continue;
    const isMissing = !usages.some((usage) => CLIENT_USAGES.has(usage));
    if (isMissing) findings.set(item.id, toFinding(client, usages, subject));
    else if (isPublic(client, subject)) findings.set(item.id, toForeboding(client, usages, subject));
  }
  return { findings: [...findings.values()] };
}

/** Whether a root of the public web stands above the client, as far as it shows its path. */
function isPublic({ path }: ShownClient, { view }: Subject): boolean {
  return path.some(({ item }) => view.hasPublicIssuer(item));
}

/** It works today, and the renewal that succeeds will break it. */
function toForeboding({ name, leaf }: ShownClient, usages: readonly string[], { location }: Subject): Finding {
  return {
    rule: 'client-auth-missing',
    family: 'client',
    severity: 'warning',
    cause: leaf.item.id,
    title: titleOf(leaf.item),
    summary: `${fullNameOf(leaf.item)} of client ${name} comes from a public CA, and these stop issuing for clients: its next renewal will lack clientAuth, and the login fails then, at ${placeName(location)}`,
    facts: [{ name: 'Extended key usage', value: usages.join(', ') }, ...itemFacts(leaf.item, leaf)],
    actions: [
      'Before its renewal: have it issued by a private CA that the server trusts for clients, with clientAuth in its extended key usage',
      'Stop the automatic renewal of the public one for this client, or make the renewal fail when clientAuth is missing',
      deployClient(name, leaf),
      proveLogin(location, leaf),
    ],
  };
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
