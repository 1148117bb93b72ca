import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { parseExposition } from '../helpers/exposition.ts';
import { knownMetrics } from '../helpers/known-metrics.ts';
import {
  authority,
  credential,
  crl,
  endpointLocation,
  fileLocation,
  leaf,
  NOW,
  showing,
  sighting,
} from '../policy/places.ts';

test('the page of metrics lists every metric with its labels, and no other', async () => {
  const known = knownMetrics(
    [
      showing(endpointLocation([leaf(), authority()]), 'billing', [leaf('billing')], { status: 'accepted' }),
      fileLocation([sighting(crl()), sighting(credential())]),
      ...Array.from({ length: 60 }, (_, index) => fileLocation([sighting(leaf())], { location: `/${index}` })),
    ],
    () => NOW,
    {
      findings: async () => [{ rule: 'expired', severity: 'critical', source: 'disk', count: 1 }],
      series: { seriesBudget: 100 },
    },
  );
  known.metrics.declareSources(['disk']);
  known.metrics.declareChannels(['mail']);
  known.metrics.lasted('disk', 1);
  known.metrics.fellBack('disk', 'alert');
  known.metrics.scheduleLag('disk', 1);
  known.metrics.beat(NOW);
  const exposed = new Map<string, ReadonlySet<string>>();
  for (const { name, labels } of parseExposition(await known.text())) {
    if (!name.startsWith('notafter_')) continue;
    // Of a histogram, the buckets are what has all of its labels.
    if (/_(?:sum|count)$/.test(name)) continue;
    exposed.set(name.replace(/_bucket$/, ''), new Set(Object.keys(labels)));
  }

  const page = readFileSync(new URL('../../docs/reference/metrics.md', import.meta.url), 'utf8');
  const listed = new Map<string, ReadonlySet<string>>();
  for (const [, name = '', labels = ''] of page.matchAll(/^\| `(notafter_\w+)`\s*\| ([^|]*)\|/gm)) {
    const before = listed.get('notafter_certificate_not_after_timestamp_seconds');
    const own = new Set(Array.from(labels.matchAll(/`(\w+)`/g), ([, label = '']) => label));
    listed.set(name, labels.trim() === 'the same' && before !== undefined ? before : own);
  }
  // A label of every histogram, said where there is no other.
  for (const labels of exposed.values()) if (labels.size > 1) (labels as Set<string>).delete('le');

  expect(listed.size).toBeGreaterThan(20);
  expect(listed).toEqual(exposed);
});
