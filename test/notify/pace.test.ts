import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createPace } from '../../src/notify/pace.ts';
import { createRests } from '../../src/notify/rest.ts';

test('a channel does not rest until a time that comes again because the clock was set back', () => {
  let now = 10_000_000;
  const rests = createRests({ now: () => now });
  const absent = { recipient: 'a', status: 'failed', reason: 'network', detail: 'refused', retryable: true } as const;
  rests.note('mail', [absent]);
  expect(rests.isResting('mail')).toBe(true);
  now -= 3_600_000;
  expect(rests.isResting('mail')).toBe(false);
  expect(rests.until('mail')).toBeLessThanOrEqual(now);
});

describe('a pace', () => {
  test('never lets more through in any window than the rate says, and wastes nothing', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 60 }),
        (count, gaps) => {
          let now = 0;
          const pace = createPace({ now: () => now }, () => ({ count, windowMs: 1_000 }));
          const sent: number[] = [];
          for (const gap of gaps) {
            now += gap;
            const isFree = sent.filter((at) => at > now - 1_000).length < count;
            expect(pace.freeAt('mail') <= now).toBe(isFree);
            if (!isFree) continue;
            pace.note('mail');
            sent.push(now);
          }
        },
      ),
    );
  });

  test('does not wait for a time that comes again because the clock was set back', () => {
    let now = 10_000_000;
    const pace = createPace({ now: () => now }, () => ({ count: 2, windowMs: 60_000 }));
    pace.note('mail');
    pace.note('mail');
    now -= 3_600_000;
    expect(pace.freeAt('mail')).toBeLessThanOrEqual(now + 60_000);
    pace.note('mail');
    pace.note('mail');
    now += 1_000;
    expect(pace.freeAt('mail')).toBe(now - 1_000 + 60_000);
  });

  test('is kept for each channel, and there is none without a rate', () => {
    const pace = createPace({ now: () => 0 }, (channel) =>
      channel === 'mail' ? { count: 1, windowMs: 60_000 } : undefined,
    );
    for (const channel of ['mail', 'chat']) pace.note(channel);
    expect(pace.freeAt('mail')).toBe(60_000);
    expect(pace.freeAt('chat')).toBe(-Infinity);
  });
});
