import { describe, expect, test } from 'vitest';

import { withoutSecrets } from '../../src/look/discretion.ts';
import { CollectError } from '../../src/plugin/error.ts';
import { createRedaction } from '../../src/text/redaction.ts';
import { scripted } from '../helpers/look-scenario.ts';

describe('a secret', () => {
  test('is found as it is, as a line of a file, in a URL and in JSON, also when it was rotated', () => {
    const redaction = createRedaction();
    redaction.note('first one\nsecond "line"');
    redaction.note('newer-one');
    const said = `first one; second "line"; ${encodeURIComponent('second "line"')}; ${JSON.stringify('second "line"')}; newer-one`;
    expect(redaction.clean(said)).toBe('[secret]; [secret]; [secret]; "[secret]"; [secret]');
  });

  test('that is a short word leaves texts alone', () => {
    const redaction = createRedaction();
    redaction.note('the');
    expect(redaction.clean('the server')).toBe('the server');
  });

  test('of which another is the beginning goes as a whole', () => {
    const redaction = createRedaction();
    redaction.note('abcdef');
    redaction.note('abcdefghi');
    expect(redaction.clean('abcdefghi')).toBe('[secret]');
  });
});

test('what a collector says holds no secret: neither its problems nor what it throws, and the rest is as it was', async () => {
  const redaction = createRedaction();
  redaction.note('s3cret-token');
  const plain = new CollectError('dns', 'nothing in it');
  const script = scripted(['a'], {
    a: () => [{ location: 'x', items: [], problems: [{ reason: 'malformed', detail: 'said s3cret-token' }] }],
    b: () => {
      throw new CollectError('permission_denied', 'refused s3cret-token', { retryAfterMs: 7 });
    },
    c: () => {
      throw plain;
    },
  });
  const instance = withoutSecrets(script.instance, redaction.clean);
  const never = new AbortController().signal;
  const known = { version: () => undefined, memory: () => undefined, checkpoint: undefined };
  const look = (key: string) => Array.fromAsync(instance.observe({ key, data: null }, known, never));
  expect((await look('a'))[0]?.problems[0]?.detail).toBe('said [secret]');
  await expect(look('b')).rejects.toMatchObject({
    reason: 'permission_denied',
    message: 'refused [secret]',
    retryAfterMs: 7,
  });
  await expect(look('c')).rejects.toBe(plain);
});
