import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const services = process.env['NOTAFTER_TEST_SERVICES'] === '1';

/** What takes longest goes first: begun last, it would be waited for alone. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- a sequencer's method, which is no array's
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => Number(isLong(b)) - Number(isLong(a)));
  }
}

function isLong({ moduleId }: TestSpecification): boolean {
  return /\/test\/e2e\/(?:cluster|kill)\.test\.ts$/.test(moduleId);
}

export default defineConfig({
  test: {
    include: services ? ['test/services/**/*.test.ts'] : ['test/**/*.test.ts'],
    exclude: services ? [] : ['test/services/**', 'test/soak/**'],
    testTimeout: services ? 120_000 : 20_000,
    hookTimeout: 60_000,
    // Whatever runs the tests: what is printed is compared as text.
    env: { NO_COLOR: '1' },
    pool: 'forks',
    // Many tests wait for real servers and real time: one more than there are processors of a small machine.
    maxWorkers: services ? 2 : 3,
    sequence: { sequencer: LongestFirst },
  },
});
