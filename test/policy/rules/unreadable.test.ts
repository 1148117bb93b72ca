import { describe, expect, test } from 'vitest';

import type { KnownItem, Location } from '../../../src/inventory/model.ts';
import type { Reason } from '../../../src/plugin/reason.ts';
import { authority, crl, DAY, endpointLocation, fileLocation, judged, leaf, sighting, told } from '../places.ts';

const REASONS = [
  'not_found',
  'malformed',
  'empty',
  'wrong_password',
  'unsupported',
  'too_large',
  'too_costly',
  'internal',
] as const satisfies readonly Reason[];
const UNREADABLE = { status: 'unreadable', text: '270230000000Z', problem: 'there is no such day' } as const;

function broken(reason: Reason, failures: number, left = 60 * DAY): Location {
  return fileLocation([sighting(leaf('x', { left }))], { failure: { reason, detail: 'what went wrong' }, failures });
}

describe.each(REASONS)('a file that cannot be read (%s)', (reason) => {
  test('is a note at once, a warning from the third look on, and critical when its last-known expiry is', () => {
    expect(told(broken(reason, 1))).toEqual(['unreadable info']);
    expect(told(broken(reason, 3))).toEqual(['unreadable warning']);
    expect(told(broken(reason, 1, 5 * DAY))).toEqual(['expiring critical', 'unreadable critical']);
  });

  test('has a cause of its own and says what to do', () => {
    const [finding] = judged(broken(reason, 1)).findings;
    expect(finding).toMatchObject({ family: 'coverage', cause: 'location:disk//etc/ssl/api.pem' });
    expect(finding?.facts[0]).toEqual({ name: 'Reason', value: `${reason}: what went wrong` });
    expect(finding?.actions[0]?.length).toBeGreaterThan(20);
  });
});

test('parts that cannot be read are one warning, which names them', () => {
  const problems = Array.from({ length: 12 }, (_, index) => ({
    reason: 'wrong_password' as const,
    place: `alias${index}`,
    detail: 'no password opens it',
  }));
  const here = fileLocation([sighting(leaf())], { problems });
  const { findings } = judged(here);
  expect(findings).toMatchObject([
    {
      rule: 'unreadable',
      severity: 'warning',
      summary:
        'What is there cannot be read and may end unseen: the password is wrong or the file is damaged (alias0), and 11 more parts, at /etc/ssl/api.pem',
    },
  ]);
  expect(findings[0]?.facts).toContainEqual({ name: 'alias9', value: 'wrong_password: no password opens it' });
  expect(findings[0]?.facts).toContainEqual({ name: 'More', value: '2 parts' });
  expect(findings[0]?.actions.filter((action) => action.startsWith('Give the source the password'))).toHaveLength(1);
});

test.each<[string, Location]>([
  ['of a leaf in a file', fileLocation([sighting(leaf('x', { notAfter: UNREADABLE }))])],
  ['of a leaf on the wire', endpointLocation([leaf('x', { notAfter: UNREADABLE })])],
  ['of an intermediate on the wire', endpointLocation([leaf(), authority('CA', { notAfter: UNREADABLE })])],
  [
    'of an authority that limits the chain though it is not served',
    endpointLocation([leaf()], { limitedBy: authority('Unseen CA', { notAfter: UNREADABLE }), path: [] }),
  ],
  ['of a CRL', fileLocation([sighting(crl({ nextUpdate: UNREADABLE }))])],
])('an end that cannot be read is critical: that %s', (_, location) => {
  expect(told(location)).toEqual(['unreadable critical']);
});

test('the finding about an unreadable end is about the item and says what is wrong with the date', () => {
  const item: KnownItem = leaf('x', { notAfter: UNREADABLE });
  expect(judged(fileLocation([sighting(item)])).findings).toMatchObject([
    {
      cause: item.id,
      summary:
        'The end of x (CN=x,O=Example) cannot be read (there is no such day): some clients may refuse it already, at /etc/ssl/api.pem',
    },
  ]);
});
