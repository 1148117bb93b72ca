import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

const ROOT = path.join(import.meta.dirname, '../..');

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly version: string; readonly dev?: boolean; readonly optional?: boolean }>
  >;
}

/* `npm sbom --omit dev` leaves out what is needed by a tool as well: nodemailer, pg, zod. */
it(
  'the list of everything that is in it, by the documented command, leaves nothing out',
  { timeout: 120_000 },
  async () => {
    const guide = readFileSync(path.join(ROOT, 'docs/guides/hardening.md'), 'utf8');
    const [, given = ''] = /`npm (sbom [^`]*--sbom-format cyclonedx)`/.exec(guide) ?? [];
    const { stdout } = await promisify(execFile)('npm', given.split(' '), { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 });
    const { components } = JSON.parse(stdout) as {
      readonly components: readonly { readonly 'bom-ref': string; readonly purl: string }[];
    };
    const listed = new Set(components.map((one) => decodeURIComponent(one.purl).replace('pkg:npm/', '')));
    const lock = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
    const needed = Object.entries(lock.packages).filter(
      ([place, { dev, optional }]) => place !== '' && dev !== true && optional !== true,
    );
    const missing = needed
      .map(([place, { version }]) => `${place.replace(/^.*node_modules\//, '')}@${version}`)
      .filter((one) => !listed.has(one));
    expect([needed.length > 100, missing]).toEqual([true, []]);
    expect([...listed].some((one) => one.startsWith('nodemailer@'))).toBe(true);
  },
);
