import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

interface Cruise {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
    }[];
  };
}

/** Runs the boundary linter with the project's own table over the folders of a tree. */
function depcruise(tree: string, format: 'json' | 'err'): Promise<{ stdout: string; exitCode: number | null }> {
  const binary = path.join(root, 'node_modules/.bin/depcruise');
  const config = path.join(root, '.dependency-cruiser.js');
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [binary, '--config', config, '--output-type', format, 'src', 'collectors', 'alerts'],
      { cwd: tree, maxBuffer: 64 * 1024 * 1024, timeout: 60_000 },
      (_error, stdout) => resolve({ stdout, exitCode: child.exitCode }),
    );
  });
}

async function cruise(tree: string): Promise<Cruise> {
  const { stdout } = await depcruise(tree, 'json');
  return JSON.parse(stdout) as Cruise;
}

async function sourceFiles(tree: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of ['src', 'collectors', 'alerts']) {
    for (const entry of await readdir(path.join(tree, folder), { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && entry.name.endsWith('.ts')) {
        found.push(path.relative(tree, path.join(entry.parentPath, entry.name)));
      }
    }
  }
  return found.toSorted();
}

test('the boundary linter reads every source file', async () => {
  const report = await cruise(root);

  const cruised = new Set(report.modules.map((module) => module.source));
  const files = await sourceFiles(root);

  expect(files.length).toBeGreaterThan(20);
  expect(files.filter((file) => !cruised.has(file))).toEqual([]);
});

describe('planted violations', () => {
  /** A small house that breaks every kind of rule once. A file without an entry in `expected` is clean. */
  const files: Record<string, string> = {
    'src/certificate/time.ts': `import { createHash } from 'node:crypto';\nexport const time = createHash;\n`,
    'src/certificate/file.ts': `import { readFileSync } from 'node:fs';\nexport const file = readFileSync;\n`,
    'src/certificate/peek.ts': `import { safe } from '../text/safe.ts';\nexport const peek = safe;\n`,
    'src/text/safe.ts': `export const safe = 1;\n`,
    'src/network/network.ts': `export interface Network { dial(): void }\nexport const dial = 1;\n`,
    'src/network/wire.ts': `import { safe } from '../text/safe.ts';\nexport const wire = safe;\n`,
    'src/plugin/context.ts': `import type { Network } from '../network/network.ts';\nexport interface Context { network: Network }\n`,
    'src/plugin/dialer.ts': `import { dial } from '../network/network.ts';\nexport const dialer = dial;\n`,
    'src/plugin/mixed.ts': `import { dial, type Network } from '../network/network.ts';\nexport const mixed: [number, Network?] = [dial];\n`,
    'src/plugin/bare.ts': `import '../network/network.ts';\nexport const bare = 1;\n`,
    'src/plugin/again.ts': `export { dial } from '../network/network.ts';\n`,
    'src/cloud/paging.ts': `import { dial } from '../network/network.ts';\nexport const paging = dial;\n`,
    'src/cloud/ring-a.ts': `import { b } from './ring-b.ts';\nexport const a = () => b;\n`,
    'src/cloud/ring-b.ts': `import { a } from './ring-a.ts';\nexport const b = () => a;\n`,
    'src/store/sqlite.ts': `import { sql } from 'kysely';\nimport { DatabaseSync } from 'node:sqlite';\nexport const sqlite = [sql, DatabaseSync];\n`,
    'src/look/query.ts': `import { sql } from 'kysely';\nexport const query = sql;\n`,
    'src/look/file.ts': `import { DatabaseSync } from 'node:sqlite';\nexport const file = DatabaseSync;\n`,
    'src/metrics/registry.ts': `import { Registry } from 'prom-client';\nexport const registry = Registry;\n`,
    'src/web/metrics.ts': `import { Registry } from 'prom-client';\nexport const metrics = Registry;\n`,
    'src/web/menu.ts': `import { Command } from 'commander';\nexport const menu = Command;\n`,
    'src/web/stop.ts': `import { run } from '../daemon.ts';\nexport const stop = run;\n`,
    'src/web/ask.ts': `import { command } from '../cli/command.ts';\nexport const ask = command;\n`,
    'src/web/missing.ts': `import { nothing } from './nothing.ts';\nexport const missing = nothing;\n`,
    'src/web/check.ts': `import Ajv from 'ajv';\nexport const check = Ajv;\n`,
    'src/web/lonely.ts': `export const lonely = 1;\n`,
    'src/shared/shared.ts': `import { safe } from '../text/safe.ts';\nexport const shared = safe;\n`,
    'src/engine/local.ts': `import { helper } from '../../test/helper.ts';\nexport const local = helper;\n`,
    'src/config/schema.ts': `import { collectors } from '../../collectors/index.ts';\nimport { alerts } from '../../alerts/index.ts';\nexport const schema = [collectors, alerts];\n`,
    'src/config/member.ts': `import { acm } from '../../collectors/acm/index.ts';\nexport const member = acm;\n`,
    'src/cli/command.ts': `import { Command } from 'commander';\nimport { schema } from '../config/schema.ts';\nexport const command = [Command, schema];\n`,
    'src/daemon.ts': `import { sqlite } from './store/sqlite.ts';\nexport const run = sqlite;\n`,
    'src/main.ts': `import { run } from './daemon.ts';\nimport { command } from './cli/command.ts';\nexport const main = [run, command];\n`,
    'collectors/index.ts': `import { acm } from './acm/index.ts';\nimport { vault } from './vault/index.ts';\nimport { dial } from '../src/network/network.ts';\nexport const collectors = [acm, vault, dial];\n`,
    'collectors/acm/index.ts': `import type { ACMClient } from '@aws-sdk/client-acm';\nexport type Acm = typeof import('@aws-sdk/client-acm');\nimport { page } from './page.ts';\nexport const acm = async (): Promise<[ACMClient, number]> => [new (await import('@aws-sdk/client-acm')).ACMClient({}), page];\n`,
    'collectors/acm/page.ts': `import type { Context } from '../../src/plugin/context.ts';\nexport const page = 1;\nexport type Page = Context;\n`,
    'collectors/vault/index.ts': `import { page } from '../acm/page.ts';\nimport { client } from './client.ts';\nexport const vault = [page, client];\n`,
    'collectors/vault/client.ts': `import { ACMClient } from '@aws-sdk/client-acm';\nexport const client = ACMClient;\n`,
    'alerts/index.ts': `import { mail } from './mail/index.ts';\nexport const alerts = [mail];\n`,
    'alerts/mail/index.ts': `import { createTransport } from 'nodemailer';\nimport { safe } from '../../src/text/safe.ts';\nexport const mail = [createTransport, safe];\n`,
    'alerts/page/index.ts': `import { mail } from '../mail/index.ts';\nimport { loadAcm } from './acm.ts';\nexport const page = [mail, loadAcm];\n`,
    'alerts/page/acm.ts': `export const loadAcm = async (): Promise<unknown> => import('@aws-sdk/client-acm');\n`,
    'test/helper.ts': `export const helper = 1;\n`,
  };

  const expected = [
    'alerts/page/acm.ts vendor-sdk-place',
    'alerts/page/index.ts room-alerts',
    'collectors/index.ts list-imports-members-only',
    'collectors/vault/client.ts vendor-sdk-static',
    'collectors/vault/index.ts room-collectors',
    'src/certificate/file.ts pure-room-does-io',
    'src/certificate/peek.ts room-certificate',
    'src/cloud/ring-a.ts cycle',
    'src/config/member.ts room-config',
    'src/engine/local.ts house-imports-workshop',
    'src/look/file.ts owner-sqlite',
    'src/look/query.ts owner-kysely',
    'src/plugin/again.ts room-plugin-types',
    'src/plugin/bare.ts room-plugin-types',
    'src/plugin/dialer.ts room-plugin-types',
    'src/plugin/mixed.ts room-plugin-types',
    'src/shared/shared.ts room-unknown',
    'src/web/ask.ts room-web',
    'src/web/ask.ts root-imported',
    'src/web/check.ts development-package',
    'src/web/lonely.ts orphan',
    'src/web/menu.ts owner-commander',
    'src/web/metrics.ts owner-prom-client',
    'src/web/missing.ts unresolvable',
    'src/web/stop.ts room-web',
    'src/web/stop.ts root-imported',
  ];

  let tree: string;

  beforeAll(async () => {
    tree = await mkdtemp(path.join(tmpdir(), 'notafter-boundaries-'));
    for (const [file, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(tree, file)), { recursive: true });
      await writeFile(path.join(tree, file), text);
    }
    for (const name of ['node_modules', 'package.json', 'tsconfig.json']) {
      await symlink(path.join(root, name), path.join(tree, name));
    }
  });

  afterAll(() => rm(tree, { recursive: true, force: true }));

  test('each is reported under its rule, and nothing else is', async () => {
    const report = await cruise(tree);

    const found = report.summary.violations.map(({ from, rule }) => `${from} ${rule.name}`);

    expect([...new Set(found)].toSorted()).toEqual(expected);
  });

  test('the linter exits with an error', async () => {
    const { exitCode, stdout } = await depcruise(tree, 'err');

    expect(exitCode).toBeGreaterThan(0);
    expect(stdout).toContain('room-collectors: collectors/vault/index.ts → collectors/acm/page.ts');
  });
});
