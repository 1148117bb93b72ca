import { describe, expect, test } from 'vitest';

import { RULES } from '../../src/policy/finding.ts';
import { readRunbook } from '../../src/web/runbooks.ts';

describe('readRunbook', () => {
  test.each(RULES)('has the page of %s', async (rule) => {
    expect(await readRunbook(rule)).toContain(rule);
  });

  test.each(['nosuch', '', '..', '../../etc/passwd', 'expired.md', 'expired\0', 'constructor'])(
    'has no page of %j',
    async (rule) => {
      expect(await readRunbook(rule)).toBeUndefined();
    },
  );
});
