import { describe, expect, test } from 'vitest';

import type { Location } from '../../../src/inventory/model.ts';
import { REASON_LIST, type Reason } from '../../../src/plugin/reason.ts';
import { subjectOf, type Subject } from '../../../src/policy/subject.ts';
import { DEFAULT_POLICY } from '../../../src/policy/policy.ts';
import { unreachable } from '../../../src/policy/rules/unreachable.ts';
import { DAY, endpointLocation, HOUR, judged, leaf, NOW, told, view } from '../places.ts';

function failing(failures: number, options: Partial<Location> & { reason?: Reason; left?: number } = {}): Location {
  const { reason = 'refused', left = 60 * DAY, ...rest } = options;
  return {
    ...endpointLocation([leaf('api.example.com', { left })]),
    failure: { reason, detail: 'connect to 10.0.0.7:8443: refused' },
    failures,
    ...rest,
  };
}

const MINE = new Set([
  'dns',
  'refused',
  'unreachable',
  'reset',
  'closed',
  'timeout',
  'tls_alert',
  'tls_error',
  'not_tls',
  'tls_not_offered',
  'service_error',
]);

describe('a failed look', () => {
  test.each(REASON_LIST)('for the reason %s fires exactly one of the rules of coverage', (reason) => {
    const rules = judged(failing(1, { reason })).findings.map(({ rule }) => rule);
    expect(rules).toHaveLength(1);
    expect(rules[0] === 'unreachable').toBe(MINE.has(reason));
  });

  test.each<[number, string]>([
    [1, 'unreachable info'],
    [2, 'unreachable info'],
    [3, 'unreachable warning'],
    [1000, 'unreachable warning'],
  ])('that is number %s in a row is %s', (failures, expected) => {
    expect(told(failing(failures))).toEqual([expected]);
  });

  test('becomes a warning when the policy says so', () => {
    const policy = { ...DEFAULT_POLICY, sources: new Map([['partners', { unreachableWarningAfter: 5 }]]) };
    expect(told(failing(4), 0, { policy })).toEqual(['unreachable info']);
    expect(told(failing(5), 0, { policy })).toEqual(['unreachable warning']);
  });
});

describe('the last-known expiry', () => {
  test('goes on being judged while nobody answers', () => {
    expect(told(failing(5, { left: 20 * DAY }))).toEqual(['expiring warning', 'unreachable warning']);
  });

  test('makes the failure critical from the moment on at which it is critical itself', () => {
    const here = failing(1, { left: 20 * DAY });
    expect(judged(here).nextAt).toBe(NOW + 13 * DAY);
    expect(told(here, 13 * DAY - 1)).toEqual(['expiring warning', 'unreachable info']);
    expect(told(here, 13 * DAY)).toEqual(['expiring critical', 'unreachable critical']);
    expect(told(here, 20 * DAY)).toEqual(['expired critical', 'unreachable critical']);
  });
});

test('the finding says why, how often, since when and what is still believed', () => {
  const { findings } = judged(failing(4, { lastSuccessAt: NOW - 5 * HOUR }));
  expect(findings).toMatchObject([
    {
      family: 'coverage',
      cause: 'target:partners/api.example.com:8443',
      title: 'api.example.com:8443',
      summary:
        'api.example.com:8443 cannot be looked at: the connection was refused, 4 looks in a row, last reached 5 hours ago, 2026-02-01 07:00 UTC, at api.example.com:8443@10.0.0.7',
      facts: [
        { name: 'Reason', value: 'refused: connect to 10.0.0.7:8443: refused' },
        { name: 'Failed looks in a row', value: '4' },
        { name: 'Last success', value: '5 hours ago, 2026-02-01 07:00 UTC' },
        {
          name: 'Last known',
          value: 'api.example.com (CN=api.example.com,O=Example) ends in 60 days, 2026-04-02 12:00 UTC',
        },
      ],
      actions: [
        'Nothing listens on the port: see whether the server runs, and whether the port is still the right one: nc -vz 10.0.0.7 8443',
        'Prove it: notafter check api.example.com:8443',
      ],
    },
  ]);
});

test.each([
  ['socks5h://proxy.example.com:1080', '-X 5 -x proxy.example.com:1080'],
  ['http://[2001:db8::1]:3128', "-X connect -x '[2001:db8::1]:3128'"],
])('behind the proxy %s what to try goes through it as well', (proxy, words) => {
  const { endpoint } = endpointLocation([leaf()]);
  const { findings } = judged(failing(4, { endpoint: { ...endpoint, proxy } }));
  expect(findings[0]?.actions).toEqual([
    expect.stringContaining(`: nc -vz ${words} 10.0.0.7 8443`),
    expect.stringMatching(/^Prove it: notafter check api\.example\.com:8443 --proxy /),
  ]);
});

test('a target that was never reached is told of as such', () => {
  const never = failing(3, { reason: 'dns', sightings: [], location: 'api.example.com:8443' });
  const { chain: _c, endpoint: _e, lastSuccessAt: _l, ...location } = never;
  const { findings } = judged(location);
  expect(findings).toHaveLength(1);
  expect(findings[0]?.summary).toBe(
    'api.example.com:8443 cannot be looked at: the name could not be resolved, 3 looks in a row, never reached yet, at api.example.com:8443',
  );
  expect(findings[0]?.actions[0]).toContain('getent ahosts api.example.com');
});

test('the rule itself knows when it changes', () => {
  const location = failing(1, { left: 20 * DAY });
  const subject = (now: number): Subject => subjectOf(location, view(), DEFAULT_POLICY, now);
  expect(unreachable(subject(NOW)).nextAt).toBe(NOW + 13 * DAY);
  expect(unreachable(subject(NOW + 20 * DAY))).not.toHaveProperty('nextAt');
});

test('a part that nobody answered for is a warning at once, whatever else ends there', () => {
  const problems = [{ reason: 'timeout' as const, place: 'verdict', detail: 'no answer' }];
  const ending = { ...endpointLocation([leaf('x', { left: DAY })]), problems };
  expect(told(ending)).toEqual(['expiring critical', 'unreachable warning']);
  const here = {
    ...endpointLocation([leaf()]),
    problems: [{ reason: 'timeout' as const, place: 'verdict', detail: 'no answer' }],
  };
  expect(told(here)).toEqual(['unreachable warning']);
});
