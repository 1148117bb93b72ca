import { z } from 'zod';

import type { Role } from '../../src/plugin/item.ts';
import { secretFields } from '../../src/plugin/options.ts';

const MEBIBYTE = 1024 * 1024;

const pattern = z.string().min(1);

/** Roles that a config may name, for what the layout of the files does not show. */
const ROLES = [
  'server',
  'client',
  'intermediate',
  'trust-anchor',
  'issuer',
  'signer',
] as const satisfies readonly Role[];

const passwords = z
  .strictObject({
    match: pattern.default('*').describe('A pattern as for `exclude`; the default is every file.'),
    ...secretFields('password', 'Passwords to try on encrypted keystores and keys, one a line'),
  })
  .refine((given) => (given.password === undefined) !== (given.password_file === undefined), {
    message: 'give either password or password_file',
    path: ['password_file'],
  });

export const options = z.strictObject({
  paths: z
    .array(pattern)
    .min(1)
    .describe(
      'Files, folders and patterns (`*`, `**`, `?`, `[ab]`, `{a,b}`); relative ones start at the working directory.',
    ),
  exclude: z
    .array(pattern)
    .default([])
    .describe(
      'Patterns to leave out. One without a slash is compared with the name of a file or folder, another with its whole path.',
    ),
  if_missing: z
    .enum(['report', 'ignore'])
    .default('report')
    .describe('What to make of a path that is not there: `ignore` serves lists of usual places.'),
  recursive: z.boolean().default(true).describe('Whether folders are walked with everything below them.'),
  watch: z
    .boolean()
    .default(false)
    .describe(
      'Whether files are looked at within seconds of a change as well, and not on schedule alone (`notafter run`).',
    ),
  max_bytes: z
    .int()
    .min(1)
    .max(256 * MEBIBYTE)
    .default(10 * MEBIBYTE)
    .describe('Larger files are not read.'),
  passwords: z
    .array(passwords)
    .max(100)
    .default([])
    .describe(
      'Passwords for keystores and encrypted keys, by pattern; all that match are tried in order, then the empty one and `changeit`. Certificates in Java keystores need none.',
    ),
  roles: z
    .array(
      z.strictObject({
        match: pattern.describe('A pattern as for `exclude`.'),
        role: z.enum(ROLES).describe('What every certificate in what matches does.'),
      }),
    )
    .max(100)
    .default([])
    .describe('Roles by pattern, where content and layout do not tell them; the first that matches holds.'),
});

export type Options = z.output<typeof options>;
