import { expect, test } from 'vitest';

import type { EndpointFacts } from '../../../src/plugin/observation.ts';
import type { Location } from '../../../src/inventory/model.ts';
import { endpointLocation, fileLocation, judged, leaf, told } from '../places.ts';

function at(possession?: EndpointFacts['possession']): Location {
  const made = endpointLocation([leaf()]);
  return possession === undefined ? made : { ...made, endpoint: { ...made.endpoint, possession } };
}

test.each<[string, Location, readonly string[]]>([
  ['proven', at('proven'), []],
  ['not asked for', at(), []],
  ['of no meaning', fileLocation([]), []],
  ['failed', at('failed'), ['possession-failed critical']],
])('a key whose possession is %s', (_, location, expected) => {
  expect(told(location)).toEqual(expected);
});

test('is one alert for all addresses of a target, and names what was shown', () => {
  const [finding] = judged(at('failed')).findings;
  expect(finding).toMatchObject({ family: 'chain', cause: 'target:partners/api.example.com:8443' });
  expect(finding?.summary).toBe(
    'api.example.com:8443 shows the certificate of api.example.com (CN=api.example.com,O=Example) and does not hold its key: an impostor answers, or the server is broken, and clients hang up, at api.example.com:8443@10.0.0.7',
  );
});
