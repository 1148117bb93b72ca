import type { KnownItem, Location, Sighting } from '../inventory/model.ts';
import { checkCommand, lookCommand, rehearseCommand } from './commands.ts';
import { quote } from '../text/shell.ts';
import { placeName, titleOf } from './wording.ts';

/** Names of a certificate that are spelled out in a sentence. */
const MAX_NAMES = 5;

/** Look at it with the tools at hand. Empty where there is no command for it. */
export function seeIt(location: Location): readonly string[] {
  const command = lookCommand(location);
  return command === undefined ? [] : [`See it: ${command}`];
}

/** Prove that it is fixed, at the place itself. */
export function proveIt(location: Location): string {
  const command = checkCommand(location);
  return command === undefined
    ? `Prove it: the next looks at ${placeName(location)} must find it good; the alert resolves by itself then`
    : `Prove it: ${command}`;
}

/** Prove that a client is accepted, by logging in with it. */
export function proveLogin(location: Location, client: Pick<Sighting, 'key'>): string {
  const command = rehearseCommand(location, client);
  return command === undefined ? proveIt(location) : `Prove it: ${command}`;
}

/** Bring the successor of a client certificate to where the client reads it. */
export function deployClient(name: string, leaf: Sighting): string {
  const key = leaf.key === undefined ? '' : ` (its key is ${leaf.key.at})`;
  return `Put it, with its intermediates behind it and its key, where client ${name} reads them${key}, keep the old ones until all is proven, and reload the client; notafter reads the files of its config anew by itself`;
}

/** Get a successor for a leaf or a credential. */
export function renewIt(item: KnownItem, sighting: Sighting | undefined): string {
  const renewal = sighting?.renewal;
  if (renewal?.stuck !== undefined) {
    return `Its automatic renewal is stuck: ${renewal.stuck}. Remove the obstacle, then let it renew`;
  }
  const order = `renew ${titleOf(item)}${namesOf(item)}${issuerOf(item)}`;
  return renewal?.mode === 'automatic'
    ? `It should have renewed by itself: find out why it has not; else ${order}`
    : capital(order);
}

/** Bring the successor to the place and into use. */
export function deployIt(location: Location, sighting: Sighting | undefined): string {
  const users = (sighting?.usedBy ?? []).slice(0, MAX_NAMES).map((reference) => reference.id);
  const used = users.length === 0 ? 'what uses it' : users.join(', ');
  return location.type === 'endpoint'
    ? 'Install it with its intermediates on every node behind the name, and reload the server'
    : `Replace it at ${placeName(location)}, keep the old one beside until all is proven, and reload ${used}`;
}

/** Compare a certificate with the private key beside it: a successor with the wrong key breaks at the next reload. */
export function compareKey(location: Location, sighting: Sighting | undefined): readonly string[] {
  const key = sighting?.key?.at;
  if (key === undefined || location.type !== 'file' || !key.startsWith('/')) return [];
  const digest = 'openssl dgst -sha256';
  return [
    `Before the reload, both digests must be the same: openssl x509 -in ${quote(location.location)} -noout -pubkey | ${digest}; ` +
      `openssl pkey -in ${quote(key)} -pubout | ${digest}`,
  ];
}

function namesOf(item: KnownItem): string {
  if (item.kind !== 'certificate' && item.kind !== 'described') return '';
  if (item.names.length < 2) return '';
  const more = item.names.length - MAX_NAMES;
  return ` with all its names (${item.names.slice(0, MAX_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''})`;
}

function issuerOf(item: KnownItem): string {
  if (item.kind !== 'certificate' && item.kind !== 'described') return '';
  if (item.kind === 'certificate' && item.selfIssued) {
    return ' (it is self-signed: whoever trusts it must be given the new one)';
  }
  return item.issuer === undefined ? '' : `, issued by ${item.issuer}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
