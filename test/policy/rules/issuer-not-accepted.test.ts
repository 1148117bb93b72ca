import { expect, test } from 'vitest';

import { MAX_ACCEPTABLE_ISSUERS } from '../../../src/plugin/client.ts';
import type { Location } from '../../../src/inventory/model.ts';
import type { Verdict } from '../../../src/plugin/observation.ts';
import { authority, DAY, endpointLocation, judged, leaf, showing, told } from '../places.ts';

const OWN = 'CN=Example Issuing CA,O=Example';
const ROOT = 'CN=Example Root,O=Example';
const OTHER = 'CN=Partner CA,O=Partner';

function at(
  acceptable: readonly string[],
  verdict?: Partial<Verdict>,
  presented = [leaf('billing'), authority()],
): Location {
  const shown = showing(endpointLocation([leaf()]), 'billing', presented, verdict);
  return { ...shown, endpoint: { ...shown.endpoint, acceptableIssuers: acceptable } };
}

test.each<[string, Location, readonly string[]]>([
  ['names none', at([]), []],
  ['names the issuer of the leaf', at([OTHER, OWN]), []],
  ['names the issuer of the intermediate', at([ROOT]), []],
  ['writes the issuer in another way', at(['cn=example  issuing CA,o=EXAMPLE']), []],
  ['names others alone', at([OTHER]), ['issuer-not-accepted warning']],
  [
    'names others alone and the verdict is unknown',
    at([OTHER], { status: 'unknown' }),
    ['issuer-not-accepted warning'],
  ],
  ['names others alone and accepts it all the same', at([OTHER], { status: 'accepted' }), []],
  [
    'names others alone and rejects it',
    at([OTHER], { status: 'rejected' }),
    ['client-rejected critical', 'issuer-not-accepted critical'],
  ],
  [
    'names the root, and the intermediate is not sent',
    at([ROOT], undefined, [leaf('billing')]),
    ['issuer-not-accepted warning'],
  ],
  [
    'names an authority that is sent beside the path',
    at([OTHER], undefined, [leaf('billing'), authority('x', { issuer: OTHER })]),
    ['issuer-not-accepted warning'],
  ],
  ['names so many that not all are kept', at(Array<string>(MAX_ACCEPTABLE_ISSUERS).fill(OTHER)), []],
])('a server that %s', (_, location, expected) => {
  expect(told(location)).toEqual(expected);
});

test('is no more than a warning where the rejection has another cause', () => {
  const ended = [leaf('billing', { left: -DAY }), authority()];
  expect(told(at([OTHER], { status: 'rejected', reason: 'closed' }, ended))).toEqual([
    'client-rejected critical',
    'issuer-not-accepted warning',
  ]);
});

test('the finding names both sides', () => {
  const { findings } = judged(at([OTHER, ...Array.from({ length: 11 }, (_, index) => `CN=CA ${index}`)]));
  expect(findings[0]).toMatchObject({ family: 'client', cause: leaf('billing').id });
  expect(findings[0]?.summary).toBe(
    `api.example.com:8443 names 12 acceptable issuers, and none of them is above client billing (issued by ${OWN}): its login fails where the server means it, at api.example.com:8443@10.0.0.7`,
  );
  expect(findings[0]?.facts).toContainEqual({ name: 'Issuers of the client', value: `${OWN}; ${ROOT}` });
  expect(findings[0]?.facts.find(({ name }) => name === 'Acceptable issuers')?.value).toMatch(
    /^CN=Partner CA,O=Partner; .* and 2 others$/,
  );
});
