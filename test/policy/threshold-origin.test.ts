import { expect, test } from 'vitest';

import { parseMatcher } from '../../src/label/matcher.ts';
import { DEFAULT_POLICY, policyFor, type Policy } from '../../src/policy/policy.ts';
import { parseThreshold } from '../../src/policy/threshold.ts';
import { thresholdOrigins } from '../../src/policy/threshold-origin.ts';
import { fileLocation, leaf, sighting } from './places.ts';

const seen = sighting(leaf(), { role: 'client', labels: { owner: 'billing' } });
const here = fileLocation([seen]);
const { settings } = DEFAULT_POLICY;
const global = {
  ...settings,
  thresholds: { ...settings.thresholds, leaf: { ...settings.thresholds.leaf, warning: parseThreshold('40d') } },
};
const source = { thresholds: { leaf: { critical: parseThreshold('8d') } } };
const override = (match: string, leafPatch: object): Policy['overrides'][number] => ({
  match: [parseMatcher(match)],
  settings: { thresholds: { leaf: leafPatch } },
});

test.each<[string, Policy, readonly string[]]>([
  ['nothing', DEFAULT_POLICY, ['warning 25% max 30d (default)', 'critical 10% max 7d (default)']],
  [
    'the policy',
    { ...DEFAULT_POLICY, settings: global },
    ['warning 40d (policy.leaf.warning)', 'critical 10% max 7d (default)'],
  ],
  [
    'the source',
    { ...DEFAULT_POLICY, sources: new Map([['disk', source]]) },
    ['warning 25% max 30d (default)', 'critical 8d (sources.disk.policy.leaf.critical)'],
  ],
  [
    'another source',
    { ...DEFAULT_POLICY, sources: new Map([['other', source]]) },
    ['warning 25% max 30d (default)', 'critical 10% max 7d (default)'],
  ],
  [
    'the last override that matches',
    {
      ...DEFAULT_POLICY,
      sources: new Map([['disk', source]]),
      overrides: [
        override('role="server"', { critical: parseThreshold('1d') }),
        override('owner="billing"', { critical: parseThreshold('2d') }),
        override('role="client"', { warning: null, info: parseThreshold('99d') }),
      ],
    },
    ['info 99d (policy.overrides[2].leaf.info)', 'critical 2d (policy.overrides[1].leaf.critical)'],
  ],
])('%s sets what is in force, and is named', (_, policy, expected) => {
  const origins = thresholdOrigins(policy, here, seen, 'leaf');
  expect(origins.map(({ level, threshold, from }) => `${level} ${threshold.text} (${from})`)).toEqual(expected);
  const inForce = policyFor(policy, here, seen).thresholds.leaf;
  expect(Object.fromEntries(origins.map(({ level, threshold }) => [level, threshold]))).toEqual(inForce);
});
