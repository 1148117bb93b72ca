import type { KnownCertificate } from '../inventory/model.ts';
import { nameKey } from '../certificate/name-key.ts';
import { acceptanceOf } from '../plugin/client.ts';
import type { Severity } from '../plugin/notification.ts';
import { keyFamily } from './relation.ts';
import { counted } from './wording.ts';

/** Something that a certificate could do and its successor cannot, in words. */
export interface Loss {
  readonly text: string;
  readonly severity: Severity;
}

/** Who uses the two, as far as it matters for what is missed. */
export interface Uses {
  readonly asServer: boolean;
  readonly asClient: boolean;
  /** Whether the names and keys of what is served here are pinned by somebody. */
  readonly isPinned: boolean;
  /** Issuers that the endpoint names to its clients. */
  readonly acceptableIssuers: readonly string[];
}

const MAX_NAMED = 5;

/** What the successor lacks; empty where it can stand in. */
export function lossesOf(before: KnownCertificate, after: KnownCertificate, uses: Uses): readonly Loss[] {
  return [...lostNames(before, after), ...lostUsages(before, after, uses), ...changes(before, after, uses)];
}

function lostNames(before: KnownCertificate, after: KnownCertificate): readonly Loss[] {
  // Of a list that was cut nobody knows what is missing.
  if (after.nameCount > after.names.length) return [];
  const kept = new Set(after.names.map((name) => name.toLowerCase()));
  const lost = before.names.filter((name) => {
    const lower = name.toLowerCase();
    return !kept.has(lower) && !kept.has(`*${lower.slice(lower.indexOf('.'))}`);
  });
  if (lost.length === 0) return [];
  const more = lost.length - MAX_NAMED;
  const text = `${lost.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${counted(more, 'other name')}` : ''}`;
  return [{ text: `it is no longer for ${text}`, severity: 'warning' }];
}

/** Only what is used: public CAs take clientAuth out of the certificates of servers, and no server misses it. */
function lostUsages(before: KnownCertificate, after: KnownCertificate, uses: Uses): readonly Loss[] {
  const wanted = [...(uses.asServer ? ['serverAuth'] : []), ...(uses.asClient ? ['clientAuth'] : [])];
  return wanted
    .filter((usage) => allows(before, usage) && !allows(after, usage))
    .map((usage) => ({ text: `its extended key usage lacks ${usage}`, severity: 'warning' }));
}

function allows({ extendedKeyUsage }: KnownCertificate, usage: string): boolean {
  return (
    extendedKeyUsage === undefined ||
    extendedKeyUsage.includes(usage) ||
    extendedKeyUsage.includes('anyExtendedKeyUsage')
  );
}

/** Servers know their clients by subject and issuer, and who pins knows the server by them. */
function changes(before: KnownCertificate, after: KnownCertificate, uses: Uses): readonly Loss[] {
  const losses: Loss[] = [];
  const isKnownByName = uses.asClient || uses.isPinned;
  if (isKnownByName && nameKey(before.subject) !== nameKey(after.subject)) {
    losses.push({ text: `its subject is ${after.subject} instead of ${before.subject}`, severity: 'warning' });
  }
  if (isKnownByName && keyFamily(before) !== keyFamily(after)) {
    const severity = uses.isPinned ? 'warning' : 'info';
    losses.push({ text: `its key is ${after.keyAlgorithm} instead of ${before.keyAlgorithm}`, severity });
  }
  const { acceptableIssuers } = uses;
  if (
    uses.asClient &&
    acceptanceOf([before.issuer], acceptableIssuers) === 'named' &&
    acceptanceOf([after.issuer], acceptableIssuers) === 'not-named'
  ) {
    losses.push({ text: `its issuer ${after.issuer} is none that the server names`, severity: 'warning' });
  }
  return losses;
}
