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

test('what is not in force in a cloud is a note, too, and nobody is told to write a file anew', () => {
  const remark = 's3://trust/ca.pem has the newer version v2, which api.example.com does not use';
  const finding = judged(
    fileLocation([sighting(authority(), { role: 'trust-anchor', remarks: [remark] })], {
      type: 'aws-api-gateway',
      location: 'arn:aws:apigateway:eu-west-1::/domainnames/api.example.com',
    }),
  ).findings.find(({ rule }) => rule === 'file-untidy');

  expect(finding?.summary).toMatch(/^Not all is as it should be at arn:aws:apigateway.*: .*newer version v2/);
  expect(finding?.actions.join(' ')).not.toContain('PEM');
});
