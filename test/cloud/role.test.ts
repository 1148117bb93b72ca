import { expect, it } from 'vitest';

import { roleOf } from '../../src/cloud/role.ts';

it.each([
  [undefined, 'server'],
  [[], 'server'],
  [['serverAuth'], 'server'],
  [['serverAuth', 'clientAuth'], 'server'],
  [['clientAuth'], 'client'],
  [['clientAuth', 'emailProtection'], 'client'],
  [['anyExtendedKeyUsage', 'clientAuth'], 'server'],
  [['codeSigning'], 'signer'],
  [['emailProtection'], 'signer'],
  [['1.3.6.1.5.5.7.3.17'], 'server'],
] as const)('a certificate for %j is a %s', (usage, role) => {
  expect(roleOf(usage)).toBe(role);
});
