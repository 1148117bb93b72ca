import { expect, it } from 'vitest';

import { ContentReader } from '../../../collectors/kubernetes/content.ts';
import { deafContext } from '../../contract/collector.ts';
import { selfSigned } from '../../helpers/pki.ts';

it('a content that is read many times at once is remembered all the same', async () => {
  const { parse } = deafContext();
  let parsed = 0;
  const reader = new ContentReader({
    parse(...call) {
      parsed += 1;
      return parse(...call);
    },
  });
  const bundle = Buffer.from(selfSigned({ commonName: 'CA' }).pem.repeat(300));
  await reader.read(bundle, []);
  await Promise.all(Array.from({ length: 20 }, () => reader.read(bundle, [])));
  await reader.read(bundle, []);
  const before = parsed;
  await reader.read(bundle, []);
  expect(parsed).toBe(before);
});
