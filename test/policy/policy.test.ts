import { describe, expect, test } from 'vitest';

import { parseMatcher } from '../../src/label/matcher.ts';
import { checkPolicy, DEFAULT_POLICY, policyFor, type Policy, type SettingsPatch } from '../../src/policy/policy.ts';
import { parseThreshold } from '../../src/policy/threshold.ts';
import { fileLocation, leaf, sighting } from './places.ts';

const warning = (text: string): SettingsPatch => ({ thresholds: { leaf: { warning: parseThreshold(text) } } });
const location = fileLocation([], { labels: { env: 'dev', owner: 'payments' } });

describe('policyFor', () => {
  test('gives what holds everywhere where nothing else is set', () => {
    expect(policyFor(DEFAULT_POLICY, location)).toBe(DEFAULT_POLICY.settings);
  });

  test('lets a source replace one threshold and keep the rest', () => {
    const policy: Policy = { ...DEFAULT_POLICY, sources: new Map([['disk', warning('20d')]]) };
    const { thresholds } = policyFor(policy, location);
    expect(thresholds.leaf.warning?.text).toBe('20d');
    expect(thresholds.leaf.critical?.text).toBe('10% max 7d');
    expect(thresholds.authority).toEqual(DEFAULT_POLICY.settings.thresholds.authority);
    expect(policyFor(policy, { ...location, source: 'other' }).thresholds.leaf.warning?.text).toBe('25% max 30d');
  });

  test.each<[string, string]>([
    ['env="dev"', 'a label of the location'],
    ['team="core"', 'a label of the item'],
    ['source="disk"', 'the source'],
    ['type="file"', 'the type of the source'],
    ['role="client"', 'the role'],
  ])('lets an override match %s (%s)', (matcher) => {
    const policy: Policy = {
      ...DEFAULT_POLICY,
      overrides: [{ match: [parseMatcher(matcher)], settings: warning('5d') }],
    };
    const here = sighting(leaf(), { role: 'client', labels: { team: 'core' } });
    expect(policyFor(policy, location, here).thresholds.leaf.warning?.text).toBe('5d');
    const elsewhere = { source: 's', type: 't', labels: {} };
    expect(policyFor(policy, elsewhere, sighting(leaf())).thresholds.leaf.warning?.text).toBe('25% max 30d');
  });

  test('wants all matchers of an override to match, and lets a later override replace what an earlier one set', () => {
    const both: SettingsPatch = {
      thresholds: { leaf: { warning: parseThreshold('2d'), critical: parseThreshold('1d') } },
    };
    const policy: Policy = {
      ...DEFAULT_POLICY,
      sources: new Map([['disk', warning('20d')]]),
      overrides: [
        { match: [parseMatcher('env="dev"')], settings: both },
        { match: [parseMatcher('owner="payments"')], settings: warning('3d') },
        { match: [parseMatcher('env="dev"'), parseMatcher('owner="web"')], settings: warning('9d') },
      ],
    };
    const { leaf: thresholds } = policyFor(policy, location).thresholds;
    expect([thresholds.warning?.text, thresholds.critical?.text]).toEqual(['3d', '1d']);
  });

  test('cannot be fooled by a label that calls itself source', () => {
    const policy: Policy = {
      ...DEFAULT_POLICY,
      overrides: [{ match: [parseMatcher('source="other"')], settings: warning('5d') }],
    };
    const liar = { ...location, labels: { source: 'other' } };
    expect(policyFor(policy, liar).thresholds.leaf.warning?.text).toBe('25% max 30d');
  });

  test('takes a threshold away by null, and replaces other settings', () => {
    const settings: SettingsPatch = { thresholds: { leaf: { warning: null } }, unreachableWarningAfter: 10 };
    const found = policyFor({ ...DEFAULT_POLICY, sources: new Map([['disk', settings]]) }, location);
    expect(found.thresholds.leaf).toEqual({ critical: DEFAULT_POLICY.settings.thresholds.leaf.critical });
    expect(found.unreachableWarningAfter).toBe(10);
    expect(DEFAULT_POLICY.settings.thresholds.leaf.warning).toBeDefined();
  });
});

describe('checkPolicy', () => {
  test('finds nothing wrong with the default', () => {
    expect(checkPolicy(DEFAULT_POLICY)).toEqual([]);
  });

  test.each<[string, SettingsPatch, string]>([
    [
      'leaf',
      { thresholds: { leaf: { warning: parseThreshold('7d'), critical: parseThreshold('14d') } } },
      'critical ("14d") would come before warning ("7d")',
    ],
    [
      'leaf',
      { thresholds: { leaf: { critical: parseThreshold('50%') } } },
      'for a lifetime of 90 days, critical ("50%") would come before warning ("25% max 30d")',
    ],
    [
      'authority',
      { thresholds: { authority: { info: parseThreshold('90d') } } },
      'warning ("25% max 180d") would come before info ("90d")',
    ],
    [
      'crl',
      { thresholds: { crl: { critical: parseThreshold('3d') } } },
      'critical ("3d") would come before warning ("25%")',
    ],
    [
      'short_lived',
      { thresholds: { short_lived: { warning: null, info: parseThreshold('1h') } } },
      'critical ("15%") would come before info ("1h")',
    ],
  ])('finds a contradiction in %s thresholds wherever it is written', (name, settings, message) => {
    const problem = (path: (string | number)[]) => [
      { path: [...path, 'thresholds', name], message: expect.stringContaining(message) as string },
    ];
    expect(checkPolicy({ ...DEFAULT_POLICY, sources: new Map([['disk', settings]]) })).toEqual(
      problem(['sources', 'disk']),
    );
    expect(checkPolicy({ ...DEFAULT_POLICY, overrides: [{ match: [], settings }] })).toEqual(problem(['overrides', 0]));
  });

  test('finds a contradiction that holds everywhere once, where it is written', () => {
    const { settings } = DEFAULT_POLICY;
    const broken = {
      ...settings,
      thresholds: { ...settings.thresholds, leaf: { warning: parseThreshold('1d'), critical: parseThreshold('2d') } },
    };
    const policy: Policy = {
      settings: broken,
      sources: new Map([['disk', { unreachableWarningAfter: 5 }]]),
      overrides: [],
    };
    expect(checkPolicy(policy).map(({ path }) => path)).toEqual([['thresholds', 'leaf']]);
  });

  test('takes equal thresholds, and orders that hold for common lifetimes', () => {
    const settings: SettingsPatch = {
      thresholds: {
        leaf: { warning: parseThreshold('25% max 30d'), critical: parseThreshold('10d') },
        crl: { critical: parseThreshold('25%') },
      },
    };
    expect(checkPolicy({ ...DEFAULT_POLICY, sources: new Map([['disk', settings]]) })).toEqual([]);
  });
});
