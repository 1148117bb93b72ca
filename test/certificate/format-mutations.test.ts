import { expect, test } from 'vitest';

import { formatCorpus, tryFormatMutation } from '../helpers/format-mutations.ts';

const COUNT = 50_000;

/** `npm run soak -- formats` does the same five million times. */
test(`${COUNT} changed files of every format are read or refused, none with a crash or a hang`, () => {
  const corpus = formatCorpus();
  const ends = new Map<string, number>();
  for (let seed = 0; seed < COUNT; seed++) {
    const end = tryFormatMutation(corpus, seed).replace(/^.*: /, '');
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  // A change that changes nothing that matters is read, one that does is told: both happen.
  expect(ends.get('read')).toBeGreaterThan(COUNT / 20);
  expect(ends.get('malformed')).toBeGreaterThan(COUNT / 20);
  expect(ends.get('wrong_password')).toBeGreaterThan(0);
}, 60_000);
