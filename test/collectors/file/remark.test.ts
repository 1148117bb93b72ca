import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { createFileLook, type FileLook } from '../../helpers/file-look.ts';
import { createAuthority } from '../../helpers/pki.ts';

const root = createAuthority({ name: 'Root' });
const middle = createAuthority({ name: 'Middle', parent: root });
const issuing = createAuthority({ name: 'Issuing', parent: middle });
const leaf = issuing.issue({ names: ['pay.example'] });
const other = issuing.issue({ names: ['other.example'] });
const [LEAF, ISSUING, MIDDLE, ROOT] = [leaf.pem, issuing.certificate.pem, middle.certificate.pem, root.certificate.pem];

let files: FileLook;
beforeEach(() => {
  files = createFileLook();
});
afterEach(() => files[Symbol.dispose]());

/** The remarks on every item of one file, in its order. */
async function remarksOn(text: string): Promise<readonly (string | undefined)[]> {
  files.write('fullchain.pem', text);
  const [observation] = await files.look();
  expect(observation?.problems).toEqual([]);
  return observation?.items.map(({ remarks }) => remarks?.join('; ')) ?? [];
}

const NOT_FIRST = 'it is not the first in its file, though servers send the first';

describe('the order of a chain in one file', () => {
  test.each<[string, readonly string[], readonly (string | undefined)[]]>([
    ['as it should be', [LEAF, ISSUING, MIDDLE], [undefined, undefined, undefined]],
    ['with the root', [LEAF, ISSUING, MIDDLE, ROOT], [undefined, undefined, undefined, undefined]],
    [
      'with issuers the other way round',
      [LEAF, MIDDLE, ISSUING],
      ['the issuers behind it are out of order', undefined, undefined],
    ],
    ['upside down', [MIDDLE, ISSUING, LEAF], [undefined, undefined, NOT_FIRST]],
    ['with a repeated issuer', [LEAF, ISSUING, ISSUING], ['in its file more than once: Issuing', undefined, undefined]],
    ['with a repeated leaf', [LEAF, LEAF, ISSUING], ['in its file more than once: pay.example', undefined, undefined]],
    ['of two certificates, which are no one chain', [ISSUING, LEAF, other.pem], [undefined, undefined, undefined]],
    ['of authorities alone', [ROOT, MIDDLE, ISSUING, ISSUING], [undefined, undefined, undefined, undefined]],
    ['of one certificate', [LEAF], [undefined]],
  ])('%s', async (_what, pems, expected) => {
    expect(await remarksOn(pems.join(''))).toEqual(expected);
  });
});

test('what OpenSSL refuses is read, and said', async () => {
  const blank = LEAF.replace('\n-----END', '\n\n-----END');
  expect(await remarksOn(blank)).toEqual(['OpenSSL does not read it as it is written there (there are blank lines)']);
  expect(await remarksOn(`${ISSUING}${LEAF.replace('-----END', '----END')}`)).toEqual([
    undefined,
    `OpenSSL does not read it as it is written there (a BEGIN or END line does not have five dashes); ${NOT_FIRST}`,
  ]);
});

test('a copy at another place is told of there as well', async () => {
  for (const name of ['a.pem', 'b.pem', 'c.pem']) files.write(name, MIDDLE + LEAF);
  const observations = await files.look();
  expect(observations.map(({ items }) => items.map(({ remarks }) => remarks?.length))).toEqual([
    [undefined, 1],
    [undefined, 1],
    [undefined, 1],
  ]);
});
