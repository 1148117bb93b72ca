import type { Context } from '../../src/plugin/context.ts';
import { secretOf } from '../../src/plugin/options.ts';
import type { Options } from './options.ts';
import { pathTest } from './pattern.ts';

/** Passwords that are tried on one file: each may cost a long derivation. */
const MAX_PASSWORDS = 100;

/** The passwords for a file, and why some of them could not be had. */
export interface Passwords {
  readonly known: readonly string[];
  readonly problems: readonly string[];
}

const NONE: Passwords = { known: [], problems: [] };

/** Reads the passwords for a path anew whenever it is asked. Never throws. */
export type PasswordsFor = (path: string) => Promise<Passwords>;

export function createPasswords(given: Options['passwords'], context: Context): PasswordsFor {
  const entries = given.flatMap((entry) => {
    const reference = secretOf(entry, 'password');
    return reference === undefined ? [] : [{ matches: pathTest(entry.match), reference }];
  });
  return async (path) => {
    if (entries.length === 0) return NONE;
    const known: string[] = [];
    const problems: string[] = [];
    for (const { matches, reference } of entries) {
      if (!matches(path)) continue;
      try {
        known.push(...(await context.secret(reference)).split(/\r?\n/));
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    return { known: [...new Set(known)].slice(0, MAX_PASSWORDS), problems };
  };
}
