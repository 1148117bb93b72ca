import { defineConfig } from 'vitest/config';

const services = process.env['NOTAFTER_TEST_SERVICES'] === '1';

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
  },
});
