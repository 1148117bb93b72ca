import { describe, expect, test } from 'vitest';

import { parseCertificate } from '../../src/certificate/certificate.ts';
import { forbiddenName } from '../../src/certificate/name-constraints.ts';
import { encode, explicit, implicit, rdn, sequence, TAG } from '../helpers/der.ts';
import { createAuthority, extension, generalName, selfSigned } from '../helpers/pki.ts';

const ID = '2.5.29.30';

interface Trees {
  readonly permitted?: readonly Uint8Array[];
  readonly excluded?: readonly Uint8Array[];
}

function encoded({ permitted, excluded }: Trees): Uint8Array {
  const list = (number: number, trees: readonly Uint8Array[] | undefined): Uint8Array[] =>
    trees === undefined ? [] : [explicit(number, ...trees.map((tree) => sequence(tree)))];
  return sequence(...list(0, permitted), ...list(1, excluded));
}

function authorityWith(value: Uint8Array, critical = true) {
  return parseCertificate(createAuthority({ extraExtensions: [extension(ID, value, critical)] }).certificate.der);
}

const dns = (name: string): Uint8Array => implicit(2, name);
const email = (name: string): Uint8Array => implicit(1, name);
const uri = (name: string): Uint8Array => implicit(6, name);
const network = (hex: string): Uint8Array => implicit(7, Buffer.from(hex, 'hex'));
const directory = (...parts: readonly Uint8Array[]): Uint8Array => explicit(4, sequence(...parts));
const organization = (name: string): Uint8Array => rdn('2.5.4.10', name);

/** The name of a leaf with these names that a CA with these constraints may not issue for. */
function forbidden(trees: Trees, names: readonly Uint8Array[], subject?: Uint8Array): string | undefined {
  const constraints = authorityWith(encoded(trees)).nameConstraints;
  if (constraints === undefined) throw new Error('the constraints cannot be read');
  const leaf = selfSigned({ rawNames: names, subject: subject ?? sequence() });
  return forbiddenName(constraints, parseCertificate(leaf.der));
}

describe('DNS names', () => {
  test.each([
    ['the name itself', { permitted: [dns('example.com')] }, 'example.com', true],
    ['a name below', { permitted: [dns('example.com')] }, 'a.b.example.com', true],
    ['whatever the case', { permitted: [dns('Example.COM')] }, 'API.example.com', true],
    ['a name that merely ends so', { permitted: [dns('example.com')] }, 'badexample.com', false],
    ['another name', { permitted: [dns('example.com')] }, 'example.org', false],
    ['below a dot', { permitted: [dns('.example.com')] }, 'api.example.com', true],
    ['the name itself behind a dot', { permitted: [dns('.example.com')] }, 'example.com', false],
    ['any of several', { permitted: [dns('a.example'), dns('b.example')] }, 'x.b.example', true],
    ['everything', { permitted: [dns('')] }, 'example.org', true],
    ['nothing', { excluded: [dns('')] }, 'example.org', false],
    ['a wildcard below', { permitted: [dns('example.com')] }, '*.example.com', true],
    [
      'an excluded one within',
      { permitted: [dns('example.com')], excluded: [dns('x.example.com')] },
      'a.x.example.com',
      false,
    ],
    [
      'beside an excluded one',
      { permitted: [dns('example.com')], excluded: [dns('x.example.com')] },
      'y.example.com',
      true,
    ],
    ['a wildcard that may stand for an excluded one', { excluded: [dns('x.example.com')] }, '*.example.com', false],
    ['a wildcard that cannot', { excluded: [dns('a.x.example.com')] }, '*.example.com', true],
    ['a constraint of another form', { permitted: [network('0a000000ff000000')] }, 'example.com', true],
  ] as const)('%s', (_, trees, name, isAllowed) => {
    expect(forbidden(trees, [dns(name)])).toBe(isAllowed ? undefined : name);
  });

  test('each name counts, not just one', () => {
    expect(forbidden({ permitted: [dns('example.com')] }, [dns('a.example.com'), dns('evil.example')])).toBe(
      'evil.example',
    );
  });
});

describe('other names', () => {
  test.each([
    ['an address within', { permitted: [network('0a000000ff000000')] }, generalName('10.9.8.7'), undefined],
    ['an address outside', { permitted: [network('0a000000ff000000')] }, generalName('11.0.0.1'), '11.0.0.1'],
    ['an address excluded', { excluded: [network('0a000000ff000000')] }, generalName('10.0.0.1'), '10.0.0.1'],
    ['an IPv6 address and an IPv4 network', { permitted: [network('0a000000ff000000')] }, generalName('::1'), '::1'],
    [
      'an IPv6 address within',
      { permitted: [network(`20010db8${'00'.repeat(12)}ffffffff${'00'.repeat(12)}`)] },
      generalName('2001:db8::7'),
      undefined,
    ],
    ['a mailbox at the host', { permitted: [email('example.com')] }, email('a@example.com'), undefined],
    [
      'a mailbox at a host below',
      { permitted: [email('example.com')] },
      email('a@mail.example.com'),
      'a@mail.example.com',
    ],
    ['a mailbox below a dot', { permitted: [email('.example.com')] }, email('a@mail.example.com'), undefined],
    ['the mailbox itself', { permitted: [email('a@example.com')] }, email('a@EXAMPLE.com'), undefined],
    ['another mailbox', { permitted: [email('a@example.com')] }, email('b@example.com'), 'b@example.com'],
    ['a URI of the trust domain', { permitted: [uri('mesh.example')] }, uri('spiffe://mesh.example/ns/x'), undefined],
    [
      'a URI of another',
      { permitted: [uri('mesh.example')] },
      uri('spiffe://evil.example/ns/x'),
      'spiffe://evil.example/ns/x',
    ],
  ] as const)('%s', (_, trees, name, expected) => {
    expect(forbidden(trees, [name])).toBe(expected);
  });

  test('a subject must be below a permitted directory name', () => {
    const base = { permitted: [directory(organization('Example'))] };
    const named = (...parts: readonly Uint8Array[]): Uint8Array => sequence(...parts);
    expect(forbidden(base, [], named(organization('EXAMPLE'), rdn('2.5.4.3', 'api')))).toBeUndefined();
    expect(forbidden(base, [], named(organization('Other'), rdn('2.5.4.3', 'api')))).toBe('CN=api,O=Other');
    // The comma is a part of one value, and no border between two.
    expect(forbidden(base, [], named(rdn('2.5.4.3', 'x,O=Example')))).toBe(String.raw`CN=x\,O=Example`);
  });

  test('a form that is not read is allowed only where it does not occur', () => {
    const other = { permitted: [explicit(0, sequence())] };
    expect(forbidden(other, [dns('example.com')])).toBeUndefined();
    expect(forbidden(other, [dns('example.com'), explicit(0, sequence())])).toBe('a name of an unknown form');
  });

  test('more than can be compared in a reasonable time is not allowed', () => {
    const permitted = Array.from({ length: 1_000 }, (_, index) => dns(`n${index}.example`));
    const names = Array.from({ length: 300 }, () => dns('n999.example'));
    expect(forbidden({ permitted }, names)).toBe('too many names to compare');
  });
});

describe('what cannot be honoured', () => {
  test.each([
    ['a list of no known kind', sequence(explicit(2, sequence(dns('x'))))],
    ['a subtree with bounds', sequence(explicit(0, sequence(dns('x'), implicit(0, Buffer.from([1])))))],
    ['a network of five octets', encoded({ permitted: [network('0a000000ff')] })],
    ['no sequence', encode(TAG.octetString, Buffer.from([1]))],
  ])('%s is as bad as an unknown critical extension', (_, value) => {
    const certificate = authorityWith(value);
    expect(certificate).not.toHaveProperty('nameConstraints');
    expect(certificate.unknownCritical).toEqual([ID]);
    expect(certificate.problems).toContain('the extension name constraints is malformed');
  });

  test('an extension that nobody knows is told where it is critical, and nowhere else', () => {
    const critical = createAuthority({ extraExtensions: [extension('1.2.3.4', sequence(), true)] });
    const plain = createAuthority({ extraExtensions: [extension('1.2.3.4', sequence(), false)] });
    const policies = createAuthority({ extraExtensions: [extension('2.5.29.32', sequence(), true)] });
    expect(parseCertificate(critical.certificate.der).unknownCritical).toEqual(['1.2.3.4']);
    expect(parseCertificate(plain.certificate.der).unknownCritical).toEqual([]);
    expect(parseCertificate(policies.certificate.der).unknownCritical).toEqual([]);
  });
});
