import { describe, expect, test } from 'vitest';

import type { Location } from '../../src/inventory/model.ts';
import { REASON_LIST, type Reason } from '../../src/plugin/reason.ts';
import { groupFindings } from '../../src/policy/group.ts';
import { clientRemedy } from '../../src/policy/remedy.ts';
import { endpointLocation, judged, leaf, NOW, showing, told } from './places.ts';

const KEY = { at: '/etc/notafter/billing.key', match: 'yes' } as const;

function broken(reason: Reason, detail: string, options: Partial<Location> = {}): Location {
  const problems = [{ reason, place: 'client/billing', detail }];
  return {
    ...showing(endpointLocation([leaf()]), 'billing', [leaf('billing')], undefined, { key: KEY }),
    problems,
    ...options,
  };
}

describe('a client whose file cannot be read', () => {
  test('is told of as the client and its file, and not as the endpoint', () => {
    const detail = '/etc/notafter/billing.key does not belong to the client certificate, the first of its file';
    expect(judged(broken('malformed', detail)).findings).toEqual([
      {
        rule: 'unreadable',
        family: 'coverage',
        severity: 'warning',
        cause: 'client:partners/billing',
        title: 'client billing',
        summary: `Client billing cannot be rehearsed and may fail or end unseen: ${detail}, at api.example.com:8443@10.0.0.7`,
        facts: [
          { name: 'client/billing', value: `malformed: ${detail}` },
          { name: 'Last known', value: 'billing (CN=billing,O=Example) ends in 60 days, 2026-04-02 12:00 UTC' },
        ],
        actions: [
          'Restore the file of client billing from where it is made, and see that certificate and key belong together: the client itself may fail at its next reload',
          'Prove it: notafter check api.example.com:8443 --client-cert CLIENT.pem --client-key /etc/notafter/billing.key',
        ],
      },
    ]);
  });

  test.each<[Reason, string]>([
    ['not_found', 'unreadable warning'],
    ['malformed', 'unreadable warning'],
    ['empty', 'unreadable warning'],
    ['wrong_password', 'unreadable warning'],
    ['unsupported', 'unreadable warning'],
    ['too_large', 'unreadable warning'],
    ['too_costly', 'unreadable warning'],
    ['internal', 'unreadable warning'],
    ['permission_denied', 'not-covered warning'],
    ['partial', 'not-covered warning'],
  ])('(%s) is one warning: %s', (reason, expected) => {
    const location = broken(reason, 'what went wrong');
    expect(told(location)).toEqual([expected]);
    for (const action of judged(location).findings[0]?.actions.slice(0, 1) ?? []) {
      expect(action).not.toMatch(/api\.example\.com|10\.0\.0\.7/);
    }
  });

  test('can be proven also when nothing of it was ever seen', () => {
    const location = broken('not_found', '/nope.pem does not exist', {
      sightings: endpointLocation([leaf()]).sightings,
    });
    expect(judged(location).findings[0]?.actions.at(-1)).toBe(
      'Prove it: notafter check api.example.com:8443 --client-cert CLIENT.pem --client-key CLIENT.key',
    );
  });

  test('is one cause at all its endpoints, and another one than what is wrong with the endpoint itself', () => {
    const here = broken('not_found', '/nope.pem does not exist');
    const there = { ...here, location: 'api.example.com:8443@10.0.0.8' };
    const alsoBroken = {
      ...here,
      problems: [...here.problems, { reason: 'malformed', place: 'chain/1', detail: 'not DER' } as const],
    };
    const entries = [here, there, alsoBroken].map((location) => ({ location, findings: judged(location).findings }));
    expect(groupFindings(entries).map(({ cause, locations }) => [cause, locations.length])).toEqual([
      ['client:partners/billing', 2],
      ['location:partners/api.example.com:8443@10.0.0.7', 1],
    ]);
    expect(judged(alsoBroken).findings.find(({ cause }) => cause.startsWith('location:'))?.summary).not.toContain(
      'more part',
    );
  });

  test('leaves the failure of the endpoint its own severity', () => {
    const failure = { reason: 'refused', detail: 'refused' } as const;
    expect(told(broken('not_found', 'x', { failure, failures: 1, lastSuccessAt: NOW }))).toEqual([
      'unreachable info',
      'unreadable warning',
    ]);
  });
});

test.each(REASON_LIST.filter((reason) => reason !== 'internal'))(
  'what to do about a client (%s) names the client',
  (reason) => {
    expect(clientRemedy(reason, 'billing')).toContain('client billing');
  },
);
