import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeEach, describe, expect, test } from 'vitest';

import { ConfigError } from '../../src/config/document.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configJsonSchema } from '../../src/config/schema.ts';
import { runCli } from '../helpers/cli.ts';
import { startDaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';

const root = mkdtempSync(path.join(tmpdir(), 'notafter-plugins-'));
let folder = root;
let count = 0;
/** A folder for each test: a module is loaded once in a process. */
beforeEach(() => {
  folder = path.join(root, String(++count));
  mkdirSync(folder);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function write(file: string, text: string): string {
  const full = path.join(folder, file);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, text);
  return full;
}

/** A plugin with one collector. */
const collector = (type: string): string => `export default ({ z, defineCollector }) => ({
  collectors: [defineCollector({
    type: '${type}', summary: 'a test', options: z.strictObject({ colour: z.enum(['red', 'blue']) }), scope: () => 'cluster',
    async create() { return { async *discover() {}, async *observe() {} }; },
  })],
});`;

const SOURCE = 'sources: [{name: one, type: paint, colour: red}]\n';

async function problems(text: string): Promise<string> {
  try {
    await loadConfig(write('notafter.yaml', text), {});
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replaceAll(folder, '');
    throw error;
  }
  return 'none';
}

describe('a plugin', () => {
  test.each([
    ['a file beside the config', './paint.mjs', 'paint.mjs'],
    ['a file of TypeScript', './paint.ts', 'paint.ts'],
    ['a package', 'paint', 'node_modules/paint/index.mjs'],
    ['a package with a scope', '@acme/paint', 'node_modules/@acme/paint/index.mjs'],
  ])('is %s', async (_, name, file) => {
    write(file, collector('paint'));
    if (!name.startsWith('.')) {
      write(`node_modules/${name}/package.json`, JSON.stringify({ name, exports: './index.mjs' }));
    }
    const config = await loadConfig(write('notafter.yaml', `plugins: ["${name}"]\n${SOURCE}`), {});
    expect(config.sources.map(({ collector: { type }, options }) => [type, options])).toEqual([
      ['paint', { colour: 'red' }],
    ]);
    expect(JSON.stringify(configJsonSchema(config.plugins))).toContain('"colour"');
    expect(JSON.stringify(configJsonSchema())).not.toContain('"colour"');
  });

  test('has its options checked like those of notafter', async () => {
    write('paint.mjs', collector('paint'));
    expect(await problems('plugins: [./paint.mjs]\nsources: [{name: one, type: paint, colour: green}]\n')).toMatch(
      /^\/notafter\.yaml:2:\d+: sources\[0\]\.colour: .*"red".*"blue"/,
    );
  });

  test.each([
    [
      'is not there',
      './none.mjs',
      '',
      /plugins\[0\]: \.\/none\.mjs cannot be loaded \(looked for from \): Cannot find/,
    ],
    [
      'is a package that is not there',
      'no-such-package',
      '',
      /no-such-package cannot be loaded .*: Cannot find module/,
    ],
    ['cannot be read', './it.mjs', 'export default (', /\.\/it\.mjs cannot be loaded .*: \w+/],
    ['throws', './it.mjs', 'export default () => { throw new Error("no\\nway"); }', /failed when it was started: no$/],
    [
      'exports no function',
      './it.mjs',
      'export const a = 1;',
      /has no function as its default export; docs\/guides\/plug/,
    ],
    ['brings nothing', './it.mjs', 'export default () => ({});', /brings neither a collector nor a channel/],
    ['brings what is there', './it.mjs', collector('file'), /brings the collector file, which there is already/],
    ['has a type that is no label', './it.mjs', collector('A b'), /collectors\.0\.type: small letters, digits and "-"/],
    [
      'has options that are no schema',
      './it.mjs',
      collector('paint').replace(/z\.strictObject\(.*?\}\)/, '{}'),
      /collectors\.0\.options: no z\.strictObject/,
    ],
    [
      'cannot create',
      './it.mjs',
      collector('paint').replace('create()', 'make()'),
      /collectors\.0\.create: no function/,
    ],
  ])('that %s is refused by line and column, with a word about it', async (_, name, code, said) => {
    write('it.mjs', code);
    const text = await problems(`sources: []\nplugins:\n  - ${name}\n`);
    expect(text).toMatch(/^\/notafter\.yaml:3:5: plugins\[0\]: /);
    expect(text).toMatch(said);
  });

  test('that is refused does not hide the others that are', async () => {
    expect((await problems('plugins: [./a.mjs, ./b.mjs]\nsources: []\n')).split('\n')).toHaveLength(2);
    expect(await problems('plugins: ./a.mjs\nsources: []\n')).toMatch(
      /^\/notafter\.yaml:1:\d+: plugins: expected a list/,
    );
  });
});

describe('the guide', () => {
  /** The modules as the guide prints them. */
  const [domains = '', logbook = ''] = [
    ...readFileSync(path.join(import.meta.dirname, '../../docs/guides/plugins.md'), 'utf8').matchAll(
      /```js\n([\s\S]*?)```/g,
    ),
  ].map(([, code]) => code ?? '');

  test('has plugins that work as they are: from a registry to a line in a file', async () => {
    const asked: string[] = [];
    const registry = createServer((request, response) => {
      asked.push(request.url ?? '');
      const eventDate = new Date(Date.now() + 5.5 * 86_400_000).toISOString();
      response.end(JSON.stringify({ events: [{ eventAction: 'expiration', eventDate }] }));
    }).listen(0, '127.0.0.1');
    await once(registry, 'listening');
    const { port } = registry.address() as { port: number };
    write('domains.mjs', domains);
    write('logbook.mjs', logbook);
    const log = path.join(folder, 'log.txt');
    const config = write(
      'notafter.yaml',
      `plugins: [./domains.mjs, ./logbook.mjs]
sources: [{name: domains, type: domain, every: 1h, domains: [shop.example], server: "http://127.0.0.1:${port}"}]
channels: [{name: book, type: logbook, file: "${log}"}]
web: {listen: "127.0.0.1:0"}
store: "sqlite:${path.join(folder, 'notafter.db')}"
`,
    );
    const daemon = await startDaemonProcess(config, { cwd: folder });
    try {
      const line = await eventually('a line is written', () => {
        try {
          const text = readFileSync(log, 'utf8');
          // It is there for a moment before anything is in it.
          return text.endsWith('\n') && text;
        } catch {
          return undefined;
        }
      });
      expect(line).toBe('critical shop.example\n');
      expect(asked).toEqual(['/domain/shop.example']);
      expect(await daemon.metrics()).toMatch(
        /notafter_credential_not_after_timestamp_seconds\{source="domains".*shop\.example/,
      );
    } finally {
      await daemon.stop();
      registry.close();
    }
    const listed = await runCli(['plugins', '--config', config, '--json']);
    const { collectors, channels } = JSON.parse(listed.stdout) as Record<string, readonly { readonly type: string }[]>;
    expect([collectors?.map(({ type }) => type), channels?.map(({ type }) => type)]).toEqual([
      expect.arrayContaining(['domain', 'endpoint']),
      expect.arrayContaining(['logbook', 'email']),
    ]);
  });
});
