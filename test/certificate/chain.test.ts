import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseCertificate, type Certificate } from '../../src/certificate/certificate.ts';
import { chainFigures } from '../../src/certificate/chain.ts';
import { UNREADABLE_END, type ChainTrust } from '../../src/certificate/path-search.ts';
import { rememberIssuers, verifyIssuer } from '../../src/certificate/issuer.ts';
import { bitString, encode, explicit, implicit, oid, rdn, sequence, TAG } from '../helpers/der.ts';
import {
  createAuthority,
  createKey,
  extension,
  selfSigned,
  type Authority,
  type AuthorityOptions,
  type IssueOptions,
  type TestCertificate,
} from '../helpers/pki.ts';

const DAY = 86_400_000;
const BASE = Date.UTC(2026, 10, 23);

function days(count: number): Date {
  return new Date(BASE + count * DAY);
}

function parse(made: TestCertificate | Authority): Certificate {
  return parseCertificate('certificate' in made ? made.certificate.der : made.der);
}

function limit(certificate: Certificate, endsAt: Date | null): { at: number | null; by: string } {
  return { at: endsAt === null ? null : endsAt.getTime(), by: certificate.fingerprint };
}

describe('the AddTrust case: an old root has expired, its successor signs with the cross-signed key', () => {
  const newKey = createKey();
  const oldRoot = createAuthority({ name: 'Old Root', notBefore: days(-3650), notAfter: days(-5) });
  const newRoot = createAuthority({ name: 'New Root', key: newKey, notAfter: days(3650) });
  const crossSign = createAuthority({ name: 'New Root', key: newKey, parent: oldRoot, notAfter: days(-5) });
  const intermediate = createAuthority({ name: 'Intermediate', parent: newRoot, notAfter: days(1000) });
  const leafMade = intermediate.issue({ notAfter: days(60) });
  const unrelatedMade = createAuthority({ name: 'Unrelated', notAfter: days(7) });
  const [a, b, bx, i, l, u] = [oldRoot, newRoot, crossSign, intermediate, leafMade, unrelatedMade].map(parse) as [
    Certificate,
    Certificate,
    Certificate,
    Certificate,
    Certificate,
    Certificate,
  ];

  test.each([
    ['both roots', [a, b]],
    ['the new root', [b]],
  ])('with %s trusted, clients go on by the new one', (_, anchors) => {
    const figures = chainFigures([l, i, bx], { anchors });
    expect(figures).toEqual({
      leaf: limit(l, days(60)),
      servedMin: limit(bx, days(-5)),
      bestPath: limit(l, days(60)),
      bestPathItems: [l.fingerprint, i.fingerprint, b.fingerprint],
      effective: limit(l, days(60)),
      unserved: [{ certificate: b, from: 'anchor' }],
      list: { isOutOfOrder: false, repeated: [], alternates: [bx.fingerprint], unrelated: [] },
      isExhausted: false,
    });
  });

  test('with the old root alone, clients have failed since it expired', () => {
    const figures = chainFigures([l, i, bx], { anchors: [a] });
    expect(figures.bestPathItems).toEqual([l, i, bx, a].map(({ fingerprint }) => fingerprint));
    // The cross-sign and the old root end together: the one nearer to the leaf is named.
    expect(figures.effective).toEqual(limit(bx, days(-5)));
  });

  test('with neither trusted, the path that was served counts, to its end', () => {
    const figures = chainFigures([l, i, bx], { anchors: [] });
    expect(figures).not.toHaveProperty('bestPath');
    expect(figures).not.toHaveProperty('bestPathItems');
    expect(figures.effective).toEqual(limit(bx, days(-5)));
    expect(figures).not.toHaveProperty('limitedBy');
  });

  test('what was served beside the path moves the served minimum and nothing else', () => {
    const figures = chainFigures([l, u, i, l], { anchors: [b] });
    expect(figures.servedMin).toEqual(limit(u, days(7)));
    expect(figures.effective).toEqual(limit(l, days(60)));
    const untrusted = chainFigures([l, u, i, l], { anchors: [] });
    expect(untrusted.effective).toEqual(limit(l, days(60)));
  });

  test('of two served ways the one that lasts is taken', () => {
    expect(chainFigures([l, i, bx, b], { anchors: [] }).effective).toEqual(limit(l, days(60)));
    expect(chainFigures([l, i, b, bx], { anchors: [] }).effective).toEqual(limit(l, days(60)));
  });
});

describe('what limits', () => {
  const root = createAuthority({ name: 'Root', notAfter: days(20) });
  const intermediate = createAuthority({ name: 'Intermediate', parent: root, notAfter: days(30) });
  const r = parse(root);
  const i = parse(intermediate);

  test('an anchor that ends before the leaf is named, and given because it was not served', () => {
    const l = parse(intermediate.issue({ notAfter: days(40) }));
    const figures = chainFigures([l, i], { anchors: [r] });
    expect(figures.leaf).toEqual(limit(l, days(40)));
    expect(figures.servedMin).toEqual(limit(i, days(30)));
    expect(figures.effective).toEqual(limit(r, days(20)));
    expect(figures.limitedBy).toBe(r);
  });

  test('an anchor that was served is not given again', () => {
    const l = parse(intermediate.issue({ notAfter: days(40) }));
    const figures = chainFigures([l, i, r], { anchors: [r] });
    expect(figures.effective).toEqual(limit(r, days(20)));
    expect(figures).not.toHaveProperty('limitedBy');
  });

  test('a missing intermediate that is known closes the path', () => {
    const l = parse(intermediate.issue({ notAfter: days(40) }));
    expect(chainFigures([l], { anchors: [r] })).not.toHaveProperty('bestPath');
    const figures = chainFigures([l], { anchors: [r], intermediates: [i] });
    expect(figures.bestPathItems).toEqual([l, i, r].map(({ fingerprint }) => fingerprint));
  });

  test('a leaf that is itself trusted needs nobody', () => {
    const l = parse(selfSigned({ notAfter: days(9) }));
    expect(chainFigures([l], { anchors: [l] })).toMatchObject({
      bestPath: limit(l, days(9)),
      bestPathItems: [l.fingerprint],
    });
    expect(chainFigures([l], { anchors: [] })).toMatchObject({ effective: limit(l, days(9)) });
  });

  test('never ends nothing, and the issuer still does', () => {
    const never = { tag: 0x18, text: '99991231235959Z' };
    const l = parse(intermediate.issue({ notAfter: never }));
    expect(chainFigures([l, i], { anchors: [r] })).toMatchObject({
      leaf: limit(l, null),
      effective: limit(r, days(20)),
    });
    const alone = parse(selfSigned({ notAfter: never }));
    expect(chainFigures([alone], { anchors: [] }).effective).toEqual(limit(alone, null));
  });

  test('a date that cannot be read counts as ended', () => {
    const l = parse(intermediate.issue({ notAfter: { tag: 0x17, text: '270230000000Z' } }));
    expect(chainFigures([l, i], { anchors: [r] })).toMatchObject({
      leaf: { at: UNREADABLE_END, by: l.fingerprint },
      servedMin: { at: UNREADABLE_END, by: l.fingerprint },
      effective: { at: UNREADABLE_END, by: l.fingerprint },
    });
  });

  test('nothing served is the mistake of the caller', () => {
    expect(() => chainFigures([], { anchors: [] })).toThrow(RangeError);
  });
});

describe('who is no issuer', () => {
  const root = createAuthority({ name: 'Root', notAfter: days(1000) });
  const trust: ChainTrust = { anchors: [parse(root)] };

  test('another CA of the same name with another key', () => {
    const impostor = createAuthority({ name: 'Root', subjectKeyId: null, notAfter: days(1000) });
    const l = parse(impostor.issue({ authorityKeyId: null }));
    expect(chainFigures([l], trust)).not.toHaveProperty('bestPath');
  });

  test('another CA of the same name whose key identifier is that of the right one', () => {
    const impostor = createAuthority({ name: 'Root', subjectKeyId: root.subjectKeyId ?? null, notAfter: days(1000) });
    expect(chainFigures([parse(impostor.issue())], trust)).not.toHaveProperty('bestPath');
  });

  test('a leaf that signs', () => {
    const key = createKey();
    const leaf = root.issue({ key, commonName: 'Not a CA', notAfter: days(100) });
    const below = createAuthority({ name: 'Not a CA', key }).issue({ notAfter: days(50) });
    expect(chainFigures([parse(below), parse(leaf)], trust)).not.toHaveProperty('bestPath');
  });

  test('a CA that allows no CA below itself', () => {
    const tight = createAuthority({ name: 'Tight', parent: root, pathLength: 0, notAfter: days(900) });
    const below = createAuthority({ name: 'Below', parent: tight, notAfter: days(800) });
    const l = parse(below.issue());
    expect(chainFigures([l, parse(below), parse(tight)], trust)).not.toHaveProperty('bestPath');
    expect(chainFigures([parse(tight.issue()), parse(tight)], trust)).toHaveProperty('bestPath');
  });

  test('a CA whose public key is of an unknown kind, though such a leaf has its path', () => {
    const publicKeyInfo = sequence(sequence(oid('1.2.3.4.5')), bitString(Buffer.from([1, 2, 3])));
    const strange = createAuthority({ name: 'Strange', parent: root, publicKeyInfo, notAfter: days(10) });
    const [l, i] = [parse(strange.issue({ notAfter: days(50) })), parse(strange)];
    expect(chainFigures([l, i], trust)).not.toHaveProperty('bestPath');
    expect(chainFigures([l, i], trust).effective).toEqual(limit(i, days(10)));
    expect(chainFigures([parse(root.issue({ publicKeyInfo }))], trust).bestPathItems).toHaveLength(2);
  });

  test('a CA that OpenSSL cannot read', () => {
    const broken = createAuthority({
      name: 'Broken',
      parent: root,
      serial: Buffer.from([0, 0, 1]),
      notAfter: days(10),
    });
    const [l, i] = [parse(broken.issue({ notAfter: days(50) })), parse(broken)];
    const figures = chainFigures([l, i], trust);
    expect(figures).not.toHaveProperty('bestPath');
    // It still was served above the leaf, so its end is not passed over.
    expect(figures.effective).toEqual(limit(i, days(10)));
  });
});

describe('what a CA is not allowed', () => {
  const root = createAuthority({ name: 'Root', notBefore: days(-10), notAfter: days(1000) });
  const trust: ChainTrust = { anchors: [parse(root)] };
  const dns = (name: string): Uint8Array => sequence(explicit(0, sequence(implicit(2, name))));
  const constraint = (name: string): Uint8Array => extension('2.5.29.30', dns(name), true);
  const usage = (value: number): Uint8Array => extension('2.5.29.15', bitString(Buffer.from([value]), 1), true);
  const isCa = extension('2.5.29.19', sequence(encode(TAG.boolean, Buffer.from([0xff]))), true);

  function breachUnder(options: AuthorityOptions, names = ['api.example.com']): unknown {
    const issuing = createAuthority({
      name: 'Issuing',
      parent: root,
      notBefore: days(-10),
      notAfter: days(900),
      ...options,
    });
    const figures = chainFigures([parse(issuing.issue({ names })), parse(issuing)], trust, { at: BASE });
    return figures.distrust?.breach?.rule ?? (figures.bestPath === undefined ? figures.distrust?.why : 'trusted');
  }

  test.each([
    ['to issue for another name', { extraExtensions: [constraint('example.org')] }, 'name-constraints'],
    ['anything, for this name it may', { extraExtensions: [constraint('example.com')] }, 'trusted'],
    ['to issue for servers', { extendedKeyUsage: ['clientAuth'] }, 'extended-key-usage'],
    ['to issue for others than servers', { extendedKeyUsage: ['serverAuth'] }, 'trusted'],
    ['to sign certificates', { subjectKeyId: null, extensions: [isCa, usage(0x02)] }, 'key-usage'],
    ['to be understood', { extraExtensions: [extension('1.2.3.4', sequence(), true)] }, 'critical-extension'],
    ['to issue at all', { ca: false, extendedKeyUsage: [] }, 'no-authority'],
    ['to begin yet', { notBefore: days(1) }, 'not-yet-valid'],
  ] as const)('%s', (_, options, expected) => {
    expect(breachUnder(options)).toBe(expected);
  });

  test('a server is refused whose certificate is for clients, or holds what nobody understands', () => {
    const rule = (options: IssueOptions): unknown =>
      chainFigures([parse(root.issue(options))], trust).distrust?.breach?.rule;
    expect(rule({ extendedKeyUsage: ['clientAuth'] })).toBe('extended-key-usage');
    expect(rule({ extraExtensions: [extension('1.2.3.4', sequence(), true)] })).toBe('critical-extension');
    expect(rule({ extendedKeyUsage: [] })).toBeUndefined();
  });

  test('what an anchor forbids counts, too', () => {
    const tight = createAuthority({ name: 'Tight', extraExtensions: [constraint('example.org')] });
    const under = (names: string[]) => chainFigures([parse(tight.issue({ names }))], { anchors: [parse(tight)] });
    expect(under(['a.example.org']).bestPath).toBeDefined();
    expect(under(['a.example.com']).distrust?.breach?.what).toBe('a.example.com');
  });

  test('a CA that certified its own new key is not held to the names that it may issue for', () => {
    const base = { form: sequence(explicit(0, sequence(explicit(4, sequence(rdn('2.5.4.10', 'Example')))))) };
    const constrained = createAuthority({
      name: 'Issuing',
      parent: root,
      extraExtensions: [extension('2.5.29.30', base.form, true)],
    });
    const renewed = createAuthority({ name: 'Issuing', parent: constrained });
    const other = createAuthority({ name: 'Another', parent: constrained });
    const subject = sequence(rdn('2.5.4.10', 'Example'), rdn('2.5.4.3', 'api'));
    const path = (issuing: Authority) =>
      chainFigures([parse(issuing.issue({ subject })), parse(issuing), parse(constrained)], trust);
    expect(path(renewed).bestPathItems).toHaveLength(4);
    expect(path(other).distrust?.breach).toMatchObject({ rule: 'name-constraints', what: 'CN=Another' });
  });
});

describe('why there is no path', () => {
  const root = createAuthority({ name: 'Root' });
  const issuing = createAuthority({ name: 'Issuing', parent: root });
  const logged = extension('1.3.6.1.4.1.11129.2.4.2', encode(TAG.octetString, Buffer.from([0, 4, 0, 2, 1, 1])));
  const l = parse(issuing.issue());
  const logs = parse(issuing.issue({ extraExtensions: [logged] }));
  const alone = parse(selfSigned());

  test.each([
    ['a leaf that vouches for itself', [alone], { why: 'self-signed', top: alone.fingerprint }],
    ['a root that was sent', [l, parse(issuing), parse(root)], { why: 'unknown-root', issuer: 'CN=Root' }],
    ['an issuer that is not known', [l, parse(issuing)], { why: 'unknown-issuer', issuer: 'CN=Root', isPublic: false }],
    ['a private leaf alone', [l], { why: 'unknown-issuer', issuer: 'CN=Issuing' }],
    ['a public leaf alone', [logs], { why: 'incomplete', issuer: 'CN=Issuing', isPublic: true }],
    ['a public leaf under an unknown root', [logs, parse(issuing)], { why: 'unknown-issuer', isPublic: true }],
  ])('%s', (_, served, expected) => {
    expect(chainFigures(served, { anchors: [] }).distrust).toMatchObject(expected);
  });

  test('a search that meets its caps says so, and invents nothing', () => {
    const key = createKey();
    const twins = Array.from({ length: 100 }, (_, index) =>
      parse(createAuthority({ name: 'Twin', subjectKeyId: null, authorityKeyId: null, notAfter: days(100 + index) })),
    );
    const own = createAuthority({ name: 'Twin', key, subjectKeyId: null, parent: root, notAfter: days(1) });
    const under = parse(own.issue({ authorityKeyId: null }));
    const figures = chainFigures([under, ...twins, parse(own)], { anchors: [parse(root)] });
    expect(figures).toMatchObject({ isExhausted: true, distrust: { why: 'exhausted' } });
  });
});

describe('the list as it was sent', () => {
  const root = createAuthority({ name: 'Root' });
  const upper = createAuthority({ name: 'Upper', parent: root });
  const lower = createAuthority({ name: 'Lower', parent: upper });
  const [l, low, up, r] = [parse(lower.issue()), parse(lower), parse(upper), parse(root)];
  const crossed = parse(createAuthority({ name: 'Upper', key: upper.key, parent: createAuthority({ name: 'Old' }) }));
  const stranger = parse(createAuthority({ name: 'Stranger' }));
  const TIDY = { isOutOfOrder: false, repeated: [], alternates: [], unrelated: [] };

  test.each([
    ['in order', [l, low, up], TIDY],
    ['with the root', [l, low, up, r], TIDY],
    ['the wrong way round', [l, up, low], { ...TIDY, isOutOfOrder: true }],
    ['with repeats', [l, low, l, up, low], { ...TIDY, repeated: [l.fingerprint, low.fingerprint] }],
    ['with another way up', [l, low, crossed, up], { ...TIDY, alternates: [crossed.fingerprint] }],
    ['with a stranger', [l, stranger, low, up], { ...TIDY, unrelated: [stranger.fingerprint] }],
  ])('%s', (_, served, expected) => {
    expect(chainFigures(served, { anchors: [r] }).list).toEqual(expected);
  });

  test('is judged beside the served path where none is trusted', () => {
    expect(chainFigures([l, up, low, stranger], { anchors: [] }).list).toEqual({
      ...TIDY,
      isOutOfOrder: true,
      unrelated: [stranger.fingerprint],
    });
  });
});

test('signatures of authorities are checked once for many leaves', () => {
  const root = createAuthority({ name: 'Root' });
  const issuing = createAuthority({ name: 'Issuing', parent: root });
  const checked: string[] = [];
  const verify = rememberIssuers((child, issuer) => {
    checked.push(`${child.subject.text} ${issuer.subject.text}`);
    return verifyIssuer(child, issuer);
  }, 10);
  for (const name of ['a', 'b', 'c']) {
    const served = [parse(issuing.issue({ names: [name] })), parse(issuing)];
    expect(chainFigures(served, { anchors: [parse(root)] }, { verify }).bestPath).toBeDefined();
  }
  expect(checked).toEqual(['CN=a CN=Issuing', 'CN=Issuing CN=Root', 'CN=b CN=Issuing', 'CN=c CN=Issuing']);
});

describe('names are equal as OpenSSL sees it', () => {
  test('case, spacing and string type make no difference', () => {
    const root = createAuthority({ name: 'Example   Root', notAfter: days(1000) });
    const other = createAuthority({ name: 'EXAMPLE root', key: root.key, notAfter: days(500) });
    const l = parse(root.issue({ notAfter: days(60) }));
    expect(chainFigures([l], { anchors: [parse(other)] }).bestPathItems).toHaveLength(2);
  });
});

describe('hostile lists', () => {
  test('cycles of cross-signs end', () => {
    const keys = [createKey(), createKey(), createKey()] as const;
    const authorities = keys.map((key, index) => createAuthority({ name: `C${index}`, key, notAfter: days(100) }));
    const cross = authorities.flatMap((parent) =>
      keys.map((key, index) => parse(createAuthority({ name: `C${index}`, key, parent, notAfter: days(90) }))),
    );
    const l = parse((authorities[0] as Authority).issue({ notAfter: days(50) }));
    expect(chainFigures([l, ...cross], { anchors: [] }).effective).toEqual(limit(l, days(50)));
  });

  test('two hundred CAs of one name and key cost no more than the limits allow', () => {
    const key = createKey();
    const many = Array.from({ length: 200 }, (_, index) =>
      parse(createAuthority({ name: 'Same', key, notAfter: days(100 + index) })),
    );
    const l = parse(createAuthority({ name: 'Same', key }).issue({ notAfter: days(50) }));
    const started = performance.now();
    const figures = chainFigures([l, ...many], { anchors: [] });
    expect(performance.now() - started).toBeLessThan(1000);
    expect(figures.effective).toEqual(limit(l, days(50)));
  });

  test.each([
    ['ten thousand cross-signs of one CA', 'Same', 10_000],
    ['a hundred CAs, each above the one before', 'Level', 100],
  ])('%s end within their limits, and the figures say so', (_, name, count) => {
    const key = createKey();
    const sample = parse(createAuthority({ name: 'Same', key, notAfter: days(100) }));
    const leaf = parse(createAuthority({ name: 'Same', key }).issue({ notAfter: days(50) }));
    const named = (level: number): Certificate['subject'] =>
      name === 'Same' || level === 0
        ? sample.subject
        : { ...sample.subject, der: Buffer.from(`${name} ${level}`), text: `CN=${name} ${level}` };
    let checked = 0;
    const line = Array.from({ length: count }, (_value, level): Certificate => ({
      ...sample,
      fingerprint: `${level}`,
      subject: named(level),
      issuer: name === 'Same' ? { ...sample.subject, der: Buffer.from('Above'), text: 'CN=Above' } : named(level + 1),
    }));
    const started = performance.now();
    const figures = chainFigures(
      [leaf, ...line],
      { anchors: [] },
      { verify: () => (++checked > 0 ? 'issued' : 'unknown') },
    );
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(checked).toBeLessThanOrEqual(64);
    expect(figures).toMatchObject({ isExhausted: true, distrust: { why: 'exhausted' } });
  });

  test('a chain of ten certificates is too long for a path', () => {
    const line: Authority[] = [createAuthority({ name: 'N0', notAfter: days(1000) })];
    for (let index = 1; index < 9; index++) {
      line.push(createAuthority({ name: `N${index}`, parent: line.at(-1) as Authority, notAfter: days(1000 - index) }));
    }
    const served = (from: number): Certificate[] => {
      const l = parse((line[from] as Authority).issue({ notAfter: days(5) }));
      return [
        l,
        ...line
          .slice(1, from + 1)
          .toReversed()
          .map(parse),
      ];
    };
    const anchors = [parse(line[0] as Authority)];
    expect(chainFigures(served(6), { anchors }).bestPathItems).toHaveLength(8);
    expect(chainFigures(served(7), { anchors })).not.toHaveProperty('bestPath');
  });
});

describe('against every path there is', () => {
  /** A pool of CAs with all their cross-signs; graphs are drawn from it, so that no graph pays for keys. */
  const CA_COUNT = 4;
  const keys = Array.from({ length: CA_COUNT }, () => createKey());
  interface Node {
    readonly certificate: Certificate;
    readonly x509: X509Certificate;
  }
  const pool: Node[] = [];
  const leaves: Node[] = [];

  beforeAll(() => {
    const add = (to: Node[], made: TestCertificate): void => {
      to.push({ certificate: parseCertificate(made.der), x509: new X509Certificate(made.der) });
    };
    const roots = keys.map((key, index) => createAuthority({ name: `CA ${index}`, key, notAfter: days(index * 7) }));
    for (const [index, root] of roots.entries()) {
      add(pool, root.certificate);
      add(leaves, root.issue({ notAfter: days(10) }));
      for (const [above, parent] of roots.entries()) {
        if (above === index) continue;
        const pathLength = (index + above) % 3 === 0 ? { pathLength: (index + above) % 2 } : {};
        const options = { name: `CA ${index}`, key: keys[index] as never, parent, ...pathLength };
        add(pool, createAuthority({ ...options, notAfter: days((index * 5 + above * 11) % 30) }).certificate);
        const odd = { tag: 0x17, text: '270230000000Z' };
        if (index === 1) add(pool, createAuthority({ ...options, notAfter: odd }).certificate);
      }
    }
  });

  function end(certificate: Certificate): number {
    if (certificate.notAfter.status === 'never') return Infinity;
    return certificate.notAfter.status === 'known' ? certificate.notAfter.at : UNREADABLE_END;
  }

  /** Every simple path from the leaf to an anchor, by trying everything. */
  function allPaths(leaf: Node, all: readonly Node[], anchors: ReadonlySet<Node>): Node[][] {
    const paths: Node[][] = [];
    const walk = (path: Node[]): void => {
      const last = path.at(-1) as Node;
      if (anchors.has(last)) {
        paths.push(path);
        return;
      }
      if (path.length === 8) return;
      for (const node of all) {
        if (path.includes(node) || !last.x509.checkIssued(node.x509)) continue;
        if (!last.x509.verify(node.x509.publicKey)) continue;
        const below = path.slice(1).filter(({ x509 }) => x509.subject !== x509.issuer).length;
        if (node.certificate.pathLength !== undefined && below > node.certificate.pathLength) continue;
        walk([...path, node]);
      }
    };
    walk([leaf]);
    return paths;
  }

  test('the best path is the best of all on 300 random graphs', () => {
    const graphs = fc.record({
      leaf: fc.nat({ max: CA_COUNT - 1 }),
      served: fc.uniqueArray(fc.nat({ max: 17 }), { maxLength: 5 }),
      intermediates: fc.uniqueArray(fc.nat({ max: 17 }), { maxLength: 3 }),
      anchors: fc.uniqueArray(fc.nat({ max: 17 }), { maxLength: 3 }),
    });
    let withPath = 0;
    fc.assert(
      fc.property(graphs, (graph) => {
        const pick = (indexes: readonly number[]): Node[] =>
          indexes.flatMap((index) => pool[index % pool.length] ?? []);
        const leaf = leaves[graph.leaf] as Node;
        const [served, intermediates, anchors] = [pick(graph.served), pick(graph.intermediates), pick(graph.anchors)];
        const figures = chainFigures(
          [leaf, ...served].map(({ certificate }) => certificate),
          {
            anchors: anchors.map(({ certificate }) => certificate),
            intermediates: intermediates.map(({ certificate }) => certificate),
          },
        );
        const all = [...new Set([...served, ...intermediates, ...anchors])];
        const every = allPaths(leaf, all, new Set(anchors));
        const complete = every.filter((path) =>
          path.every((node) => node === leaf || served.includes(node) || anchors.includes(node)),
        );
        // What was not sent counts only where nothing goes without it.
        const paths = complete.length > 0 ? complete : every;
        const best = Math.max(...paths.map((path) => Math.min(...path.map(({ certificate }) => end(certificate)))));
        if (paths.length === 0) {
          expect(figures).not.toHaveProperty('bestPath');
          return;
        }
        withPath += 1;
        expect(figures.bestPath?.at).toBe(best);
        expect(figures.effective).toEqual(figures.bestPath);
        // The path given is one of those that exist, and its limit is on it.
        const given = figures.bestPathItems ?? [];
        expect(paths.map((path) => path.map(({ x509 }) => x509.fingerprint256).join())).toContain(
          given.map((id) => (id.toUpperCase().match(/../g) ?? []).join(':')).join(),
        );
        expect(given).toContain(figures.effective.by);
        expect(figures.servedMin.at).toBe(Math.min(...[leaf, ...served].map(({ certificate }) => end(certificate))));
      }),
      { numRuns: 300 },
    );
    // Half of the graphs at least must have something to find.
    expect(withPath).toBeGreaterThan(75);
  });
});
