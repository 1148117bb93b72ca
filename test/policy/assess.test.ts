import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parseCertificate } from '../../src/certificate/certificate.ts';
import { knowCertificate } from '../../src/inventory/known.ts';
import type { KnownCertificate, KnownItem, Location, Sighting } from '../../src/inventory/model.ts';
import { REASON_LIST } from '../../src/plugin/reason.ts';
import { SEVERITIES } from '../../src/plugin/notification.ts';
import { assess } from '../../src/policy/assess.ts';
import type { Assessment, Finding } from '../../src/policy/finding.ts';
import { DEFAULT_POLICY, type Policy } from '../../src/policy/policy.ts';
import { parseThreshold } from '../../src/policy/threshold.ts';
import {
  authority,
  credential,
  crl,
  DAY,
  described,
  endpointLocation,
  fileLocation,
  HOUR,
  judged,
  leaf,
  NOW,
  root,
  showing,
  sighting,
  view,
} from './places.ts';

const lives = fc.oneof(fc.integer({ min: -DAY, max: 12 * DAY }), fc.integer({ min: 0, max: 8000 * DAY }));
const left = fc.oneof(fc.integer({ min: -5 * DAY, max: 40 * DAY }), fc.integer({ min: -1000 * DAY, max: 4000 * DAY }));
const title = fc.constantFrom('a', 'b', 'c');
const oddEnd = fc.constantFrom(
  {},
  {},
  {},
  { notAfter: { status: 'never' as const } },
  { notAfter: { status: 'unreadable' as const, text: 'x', problem: 'no such day' } },
);
const certificate = fc
  .tuple(fc.constantFrom(leaf, authority, root), title, lives, left, oddEnd)
  .map(([make, name, livesMs, leftMs, odd]) => make(name, { lives: livesMs, left: leftMs, ...odd }));
const item: fc.Arbitrary<KnownItem> = fc.oneof(
  { weight: 3, arbitrary: certificate },
  left.map((leftMs) => described({ left: leftMs })),
  fc.tuple(lives, left).map(([livesMs, leftMs]) => crl({ lives: livesMs, left: leftMs })),
  left.map((leftMs) => credential({ left: leftMs })),
);
const anySighting: fc.Arbitrary<Sighting> = fc
  .tuple(
    item,
    fc.constantFrom('server', 'client', 'intermediate', 'trust-anchor', 'issuer', 'signer', 'unknown'),
    fc.constantFrom('p', 'q'),
  )
  .map(([known, role, place]) => sighting(known, { role, place }));
const reason = fc.constantFrom(...REASON_LIST);
const looks: fc.Arbitrary<Partial<Location>> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  fc
    .tuple(reason, fc.integer({ min: 1, max: 5 }))
    .map(([why, failures]) => ({ failure: { reason: why, detail: 'x' }, failures })),
  fc
    .array(reason, { minLength: 1, maxLength: 3 })
    .map((reasons) => ({ problems: reasons.map((why) => ({ reason: why, place: 'p', detail: 'x' })) })),
);
const plain: fc.Arbitrary<Location> = fc.oneof(
  fc.tuple(fc.array(anySighting, { maxLength: 5 }), looks).map(([sightings, look]) => fileLocation(sightings, look)),
  fc
    .tuple(
      fc.uniqueArray(certificate, { minLength: 1, maxLength: 4, selector: (known: KnownCertificate) => known.id }),
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      looks,
    )
    .map(([served, length, untrusted, look]) =>
      endpointLocation(served, { path: served.slice(0, length), ...(untrusted ? { untrusted: true } : {}), ...look }),
    ),
);
const verdict = fc.option(
  fc.record({
    status: fc.constantFrom('accepted' as const, 'rejected' as const, 'unknown' as const),
    reason: fc.constantFrom(null, 'certificate_expired', 'unknown_ca', 'closed', 'http_403', 'constructor'),
    evidence: fc.constantFrom('', 'alert 45'),
  }),
  { nil: undefined },
);
const shown = fc.record({
  name: fc.constantFrom('a', 'b'),
  presented: fc.uniqueArray(certificate, {
    minLength: 1,
    maxLength: 3,
    selector: (known: KnownCertificate) => known.id,
  }),
  verdict,
  acceptable: fc.constantFrom([], ['CN=Example Issuing CA,O=Example'], ['CN=Somebody Else']),
});
const mutual: fc.Arbitrary<Location> = fc
  .tuple(
    fc.uniqueArray(certificate, { minLength: 1, maxLength: 3, selector: (known: KnownCertificate) => known.id }),
    fc.array(shown, { minLength: 1, maxLength: 3 }),
    looks,
  )
  .map(([served, clients, look]) => {
    let here: Location = endpointLocation(served, look);
    for (const client of clients) {
      const next = showing(here, client.name, client.presented, client.verdict);
      here = { ...next, endpoint: { ...next.endpoint, acceptableIssuers: client.acceptable } };
    }
    return here;
  });
const location = fc.oneof({ weight: 2, arbitrary: plain }, { weight: 1, arbitrary: mutual });
const policy: fc.Arbitrary<Policy> = fc.constantFrom(DEFAULT_POLICY, {
  ...DEFAULT_POLICY,
  // In the wrong order on purpose: what is judged must hold all the same.
  sources: new Map([
    [
      'disk',
      {
        thresholds: {
          leaf: { info: parseThreshold('1d'), warning: parseThreshold('5d'), critical: parseThreshold('50%') },
        },
      },
    ],
  ]),
});
const anyView = fc
  .record({ publicRoots: fc.subarray([root('a').id, root('b').id]), intervalMs: fc.constantFrom(HOUR, 30 * DAY) })
  .map((options) => view(options));
const offset = fc.integer({ min: -2000 * DAY, max: 5000 * DAY });

const essence = ({ findings }: Assessment): readonly string[] =>
  findings.map((finding) => `${finding.rule} ${finding.cause} ${finding.severity}`).toSorted();

describe('assess', () => {
  test('gives the same until nextAt, exclusive', () => {
    fc.assert(
      fc.property(
        location,
        anyView,
        policy,
        offset,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (here, seen, rules, from, share) => {
          const now = NOW + from;
          const first = assess(here, seen, rules, now);
          const horizon = first.nextAt ?? now + 20_000 * DAY;
          expect(horizon).toBeGreaterThan(now);
          for (const at of [horizon - 1, Math.floor(now + (horizon - 1 - now) * share)]) {
            expect(essence(assess(here, seen, rules, at))).toEqual(essence(first));
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('comes to rest: from one nextAt to the following there are few steps', () => {
    fc.assert(
      fc.property(location, anyView, policy, (here, seen, rules) => {
        let now: number | undefined = NOW - 20_000 * DAY;
        let steps = 0;
        for (; now !== undefined && steps < 100; steps++) now = assess(here, seen, rules, now).nextAt;
        expect(steps).toBeLessThan(40);
      }),
      { numRuns: 300 },
    );
  });

  test('never lets an end grow milder as time passes', () => {
    const worstOf = (findings: readonly Finding[]): Map<string, number> => {
      const byCause = new Map<string, number>();
      for (const { family, cause, severity } of findings) {
        if (family === 'expiry') byCause.set(cause, Math.max(byCause.get(cause) ?? -1, SEVERITIES.indexOf(severity)));
      }
      return byCause;
    };
    fc.assert(
      fc.property(location, anyView, policy, offset, fc.nat({ max: 3000 * DAY }), (here, seen, rules, from, later) => {
        const before = worstOf(assess(here, seen, rules, NOW + from).findings);
        const after = worstOf(assess(here, seen, rules, NOW + from + later).findings);
        for (const [cause, severity] of before) expect(after.get(cause) ?? -1).toBeGreaterThanOrEqual(severity);
      }),
      { numRuns: 2000 },
    );
  });

  test('writes no text with a hole in it, and no number that is none', () => {
    fc.assert(
      fc.property(location, anyView, policy, offset, (here, seen, rules, from) => {
        const { findings, nextAt } = assess(here, seen, rules, NOW + from);
        expect(JSON.stringify(findings)).not.toMatch(/NaN|undefined|Infinity|Invalid|\[object/);
        expect(nextAt ?? 0).toSatisfy(Number.isFinite);
        for (const finding of findings) {
          expect(finding.endsAt ?? 0).toSatisfy(Number.isFinite);
          expect(finding.title).not.toBe('');
          expect(finding.summary).toMatch(/, at \S/);
          expect(finding.actions.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('tells of each rule and cause once', () => {
    fc.assert(
      fc.property(location, anyView, policy, offset, (here, seen, rules, from) => {
        const keys = assess(here, seen, rules, NOW + from).findings.map(
          (finding) => `${finding.rule} ${finding.cause}`,
        );
        expect(new Set(keys).size).toBe(keys.length);
      }),
      { numRuns: 1000 },
    );
  });

  test('says nothing and asks for nothing when there is nothing that ends', () => {
    expect(judged(fileLocation([]))).toEqual({ findings: [] });
  });
});

describe('a stock bundle of public roots', () => {
  const roots = rootCertificates.map((text) => knowCertificate(parseCertificate(new X509Certificate(text).raw)));
  const bundle = fileLocation(
    roots.map((known, index) => sighting(known, { role: 'trust-anchor', index })),
    { location: '/etc/ssl/certs/ca-certificates.crt' },
  );
  const seen = view({ publicRoots: roots.map(({ id }) => id) });
  const worstAt = (now: number): ReadonlySet<string> =>
    new Set(assess(bundle, seen, DEFAULT_POLICY, now).findings.map(({ severity }) => severity));

  test('is quiet before the first of them has ended', () => {
    expect(roots.length).toBeGreaterThan(100);
    expect(worstAt(NOW).size).toBe(0);
  });

  test('raises notes only in 20 years, when many have ended', () => {
    expect([...worstAt(NOW + 7305 * DAY)]).toEqual(['info']);
  });

  test('would not be quiet if they were not known to be public', () => {
    expect(
      assess(bundle, view(), DEFAULT_POLICY, NOW + 7305 * DAY).findings.some(({ severity }) => severity === 'critical'),
    ).toBe(true);
  });
});
