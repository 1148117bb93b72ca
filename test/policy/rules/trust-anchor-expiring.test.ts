import { describe, expect, test } from 'vitest';

import {
  authority,
  DAY,
  described,
  endpointLocation,
  fileLocation,
  judged,
  leaf,
  root,
  sighting,
  told,
  view,
} from '../places.ts';

describe('a private trust anchor in a file', () => {
  test.each<[number, readonly string[]]>([
    [366, []],
    [365, ['trust-anchor-expiring info']],
    [180, ['trust-anchor-expiring warning']],
    [30, ['trust-anchor-expiring critical']],
    [0, ['expired critical']],
  ])('with %s days left', (left, expected) => {
    expect(told(fileLocation([sighting(root('x', { left: left * DAY }), { role: 'trust-anchor' })]))).toEqual(expected);
    expect(
      told(
        fileLocation([
          sighting(described({ left: left * DAY, notBefore: { status: 'known', at: 0 } }), { role: 'trust-anchor' }),
        ]),
      ),
    ).toEqual(expected);
  });

  test('that is an old root without basic constraints is judged as a root', () => {
    const old = root('v1 root', { left: 100 * DAY, isCa: false });
    expect(told(fileLocation([sighting(old, { role: 'trust-anchor' })]))).toEqual(['trust-anchor-expiring warning']);
  });

  test("that is a server's own certificate is judged as a leaf", () => {
    const at = (left: number) =>
      fileLocation([sighting(leaf('pinned', { left, lives: 398 * DAY }), { role: 'trust-anchor' })]);
    expect(told(at(31 * DAY))).toEqual([]);
    expect(told(at(30 * DAY))).toEqual(['trust-anchor-expiring warning']);
  });
});

test.each([365, 180, 30, 1])('a public root in a bundle is quiet with %s days left', (left) => {
  const anchor = root('Public Root', { left: left * DAY });
  const options = { view: view({ publicRoots: [anchor.id] }) };
  for (const role of ['trust-anchor', 'intermediate', 'unknown'] as const) {
    expect(told(fileLocation([sighting(anchor, { role })]), 0, options)).toEqual([]);
  }
});

describe('an anchor above an endpoint', () => {
  test('that limits the path is the cause, though nobody serves it', () => {
    const limitedBy = root('Corporate Root', { left: 50 * DAY });
    const { findings } = judged(endpointLocation([leaf(), authority()], { limitedBy }));
    expect(findings).toMatchObject([{ rule: 'trust-anchor-expiring', severity: 'warning', cause: limitedBy.id }]);
    expect(findings[0]?.summary).toContain(
      'and with it the chain of api.example.com, at api.example.com:8443@10.0.0.7',
    );
    expect(findings[0]?.actions.join('\n')).toContain(
      'in the trust stores of all clients of api.example.com:8443@10.0.0.7',
    );
  });

  test('is in use, public or not', () => {
    const limitedBy = root('Public Root', { left: 50 * DAY });
    const here = endpointLocation([leaf(), authority()], { limitedBy });
    expect(told(here, 0, { view: view({ publicRoots: [limitedBy.id] }) })).toEqual(['trust-anchor-expiring warning']);
  });
});
