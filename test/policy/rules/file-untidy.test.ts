import { expect, test } from 'vitest';

import { authority, fileLocation, judged, leaf, sighting, told } from '../places.ts';

const REMARK = 'the issuers behind it are out of order';

test('a file without remarks is nothing', () => {
  expect(told(fileLocation([sighting(leaf()), sighting(authority())]))).toEqual([]);
});

test('one that may not be read by what uses it is a note on the file, with all that is to be said', () => {
  const many = Array.from({ length: 6 }, (_, index) =>
    sighting(authority(`CA ${index}`), { index: index + 1, remarks: ['OpenSSL does not read it'] }),
  );
  const location = fileLocation([sighting(leaf('pay.example'), { remarks: [REMARK, 'twice'] }), ...many]);
  expect(told(location)).toEqual(['file-untidy info']);
  const [finding] = judged(location).findings;
  expect(finding).toMatchObject({ family: 'deployment', cause: `location:${location.source}/${location.location}` });
  expect(finding?.summary).toBe(
    `Programs may not take what is at ${location.location} as it is: pay.example: ${REMARK}; twice; CA 0: OpenSSL does not read it; CA 1: OpenSSL does not read it; CA 2: OpenSSL does not read it; CA 3: OpenSSL does not read it; and 2 others`,
  );
});
