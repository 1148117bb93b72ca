import { addressOctets } from './address.ts';
import { DerError, Tag, type DerReader } from './der.ts';
import { ADDRESS, DNS, EMAIL, URI } from './general-name.ts';
import type { Certificate, NameConstraints, NameSubtree } from './model.ts';
import { nameKey } from './name-key.ts';
import { readName } from './name.ts';
import type { Problems } from './problems.ts';

const DIRECTORY = 0xa4;
const PERMITTED = 0xa0;
const EXCLUDED = 0xa1;
/** Subtrees of one certificate; more than these make the extension unreadable. */
const MAX_SUBTREES = 4_000;
/** Names against subtrees of one pair of certificates; beyond, nothing is compared. Go has the same bound. */
const MAX_COMPARISONS = 250_000;

/** The NameConstraints that `value` is over (RFC 5280 section 4.2.1.10). Throws DerError where one cannot be honoured. */
export function readNameConstraints(value: DerReader, problems: Problems): NameConstraints {
  const parts = value.expect(Tag.sequence, 'the name constraints').enter();
  const lists: { permitted: NameSubtree[]; excluded: NameSubtree[] } = { permitted: [], excluded: [] };
  while (!parts.done) {
    const tag = parts.next();
    if (tag !== PERMITTED && tag !== EXCLUDED) throw new DerError('a name constraint is of no known kind', parts.start);
    const list = tag === PERMITTED ? lists.permitted : lists.excluded;
    const subtrees = parts.enter();
    while (!subtrees.done) {
      if (list.length >= MAX_SUBTREES) throw new DerError('there are too many name constraints', subtrees.start);
      const subtree = subtrees.expect(Tag.sequence, 'a subtree').enter();
      subtree.next();
      list.push(readSubtree(subtree, problems));
      // A minimum or a maximum distance, which RFC 5280 forbids.
      if (!subtree.done) throw new DerError('a subtree has bounds', subtree.start);
    }
  }
  return lists;
}

function readSubtree(base: DerReader, problems: Problems): NameSubtree {
  switch (base.tag) {
    case DNS:
      return { form: 'dns', name: base.text('latin1').toLowerCase() };
    case EMAIL:
      return { form: 'email', name: base.text('latin1') };
    case URI:
      return { form: 'uri', name: base.text('latin1').toLowerCase() };
    case ADDRESS: {
      if (base.length !== 8 && base.length !== 32) throw new DerError('a network has a wrong length', base.start);
      const octets = base.content();
      return { form: 'address', network: octets.slice(0, base.length / 2), mask: octets.slice(base.length / 2) };
    }
    case DIRECTORY: {
      const name = base.enter().expect(Tag.sequence, 'a directory name');
      return { form: 'directory', name: nameKey(readName(name, 'name constraint', problems).text) };
    }
    default:
      return { form: 'other' };
  }
}

type Named = Pick<Certificate, 'subject' | 'names' | 'dnsNames' | 'addresses' | 'nameCount'>;

/** The name that a certificate may not have below a CA with these constraints; `undefined` when all of them are allowed. */
export function forbiddenName({ permitted, excluded }: NameConstraints, certificate: Named): string | undefined {
  const names = namesOf(certificate);
  if (names.length * (permitted.length + excluded.length) > MAX_COMPARISONS) return 'too many names to compare';
  // What is not kept cannot be compared, so it cannot be allowed.
  const isCut = certificate.nameCount > certificate.names.length;
  if (isCut && [...permitted, ...excluded].some(({ form }) => form === 'other')) return 'a name of an unknown form';
  for (const name of names) {
    const own = permitted.filter(({ form }) => form === name.form);
    if (own.length > 0 && !own.some((subtree) => isBelow(name, subtree))) return name.text;
    if (excluded.some((subtree) => isBelow(name, subtree) || mayStandFor(name, subtree))) return name.text;
  }
  return undefined;
}

interface Name {
  readonly form: Exclude<NameSubtree['form'], 'other'>;
  readonly text: string;
}

function namesOf({ subject, names, dnsNames, addresses }: Named): readonly Name[] {
  const counted = new Set([...dnsNames, ...addresses]);
  return [
    ...(subject.text === '' ? [] : [{ form: 'directory' as const, text: subject.text }]),
    ...dnsNames.map((text) => ({ form: 'dns' as const, text })),
    ...addresses.map((text) => ({ form: 'address' as const, text })),
    ...names
      .filter((text) => !counted.has(text))
      .map((text) => ({ form: text.includes(':') ? ('uri' as const) : ('email' as const), text })),
  ];
}

function isBelow(name: Name, subtree: NameSubtree): boolean {
  if (name.form !== subtree.form) return false;
  switch (subtree.form) {
    case 'dns':
      return isDomainBelow(name.text.toLowerCase(), subtree.name, true);
    case 'email':
      return isMailboxBelow(name.text, subtree.name);
    case 'uri':
      return isDomainBelow(hostOf(name.text), subtree.name, false);
    case 'address':
      return isAddressWithin(addressOctets(name.text), subtree);
    case 'directory':
      return isDirectoryBelow(nameKey(name.text), subtree.name);
  }
}

/**
 * A DNS constraint stands for itself and all below; a leading dot for what is below alone. Of URIs and mailboxes one
 * without a dot in front stands for that host alone.
 */
function isDomainBelow(domain: string, base: string, withSubdomains: boolean): boolean {
  if (base === '') return true;
  if (base.startsWith('.')) return domain.endsWith(base) && domain !== base;
  return domain === base || (withSubdomains && domain.endsWith(`.${base}`));
}

/** Whether a wildcard may stand for a name that a constraint excludes. */
function mayStandFor({ form, text }: Name, subtree: NameSubtree): boolean {
  if (form !== 'dns' || subtree.form !== 'dns' || !text.startsWith('*.')) return false;
  const rest = text.slice(1).toLowerCase();
  const base = subtree.name;
  return base.endsWith(rest) && base.length > rest.length && !base.slice(0, -rest.length).includes('.');
}

function isMailboxBelow(mailbox: string, base: string): boolean {
  const at = mailbox.lastIndexOf('@');
  const host = mailbox.slice(at + 1).toLowerCase();
  const baseAt = base.lastIndexOf('@');
  if (baseAt < 0) return isDomainBelow(host, base.toLowerCase(), false);
  return mailbox.slice(0, at) === base.slice(0, baseAt) && host === base.slice(baseAt + 1).toLowerCase();
}

/** The host of a URI, lower-case; empty where there is none. */
function hostOf(uri: string): string {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(uri)?.[1] ?? '';
  return authority.replace(/^.*@/s, '').replace(/:\d*$/, '').toLowerCase();
}

function isAddressWithin(
  address: Uint8Array | undefined,
  { network, mask }: Extract<NameSubtree, { form: 'address' }>,
): boolean {
  if (address?.length !== network.length) return false;
  return address.every((octet, index) => (octet & (mask[index] ?? 0)) === ((network[index] ?? 0) & (mask[index] ?? 0)));
}

/** RFC 4514 has the most specific part in front, so that what is below ends as the base does. */
function isDirectoryBelow(name: string, base: string): boolean {
  if (base === '' || name === base) return true;
  if (!name.endsWith(`,${base}`)) return false;
  // A comma within a value is escaped.
  const before = name.slice(0, -base.length - 1);
  return (/\\*$/.exec(before)?.[0].length ?? 0) % 2 === 0;
}
