import { expect, it } from 'vitest';

import { tagLabels } from '../../src/cloud/tags.ts';

it('makes labels of the wanted tags alone, whatever their case', () => {
  expect(
    tagLabels(
      ['owner', 'cost-center', '2nd'],
      [
        { Key: 'Owner', Value: 'payments' },
        { Key: 'owner', Value: 'second' },
        { Key: 'Cost-Center', Value: '42' },
        { Key: '2nd', Value: 'x' },
        { Key: 'secret', Value: 'y' },
      ],
    ),
  ).toEqual({ labels: { owner: 'payments', cost_center: '42', _2nd: 'x' } });
});

it.each([
  ['no tags', []],
  ['an empty value', [{ Key: 'owner', Value: '' }]],
  ['a tag without anything', [{}]],
])('gives nothing for %s', (_what, tags) => {
  expect(tagLabels(['owner'], tags)).toEqual({});
});
