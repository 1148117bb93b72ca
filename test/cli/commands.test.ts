import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { channels } from '../../alerts/index.ts';
import { collectors } from '../../collectors/index.ts';
import { createProgram } from '../../src/cli/program.ts';
import { parseConfig } from '../../src/config/load.ts';
import { linesOf, runCli } from '../helpers/cli.ts';
import { startDaemonProcess, type DaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';
import { selfSigned } from '../helpers/pki.ts';
import { startHook, type Hook } from '../helpers/receivers.ts';
import { closedPort, startTlsServer, type RunningTls } from '../helpers/servers.ts';

const DAY_MS = 86_400_000;
const folder = mkdtempSync(path.join(tmpdir(), 'notafter-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe('help', () => {
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];

  test.each(all(createProgram()).map((command) => [command.name(), command] as const))(
    'of %s describes the command and each of its options',
    (_name, command) => {
      const text = command.helpInformation();
      expect(command.description()).not.toBe('');
      for (const option of command.options) {
        expect(option.description, option.flags).not.toBe('');
        expect(text).toContain(option.flags);
      }
      for (const nested of command.commands) expect(text).toContain(nested.summary());
    },
  );

  test('is printed with exit code 0', async () => {
    const [top, check] = await Promise.all([runCli(['--help']), runCli(['check', '--help'])]);
    expect([top.exitCode, check.exitCode, top.stderr, check.stderr]).toEqual([0, 0, '', '']);
    expect(top.stdout).toContain('Start here:');
    for (const option of ['--json', '--at', '--all', 'Nagios', 'Examples:']) expect(check.stdout).toContain(option);
  });
});

describe('a command line that is wrong', () => {
  test.each([
    [['check', '--jsno', 'x'], /unknown option '--jsno'[\s\S]*--json/],
    [['chekc', 'x'], /unknown command 'chekc'[\s\S]*check/],
    [['check'], /missing required argument 'target'/],
    [['list', '--within', 'soon'], /expected a number of days/],
  ])('%j is unknown, says why, and prints nothing else', async (args, why) => {
    const ran = await runCli(args, folder);
    expect(ran.stderr).toMatch(why);
    expect([ran.exitCode, ran.stdout]).toEqual([3, '']);
  });
});

describe('plugins', () => {
  test('lists every collector and channel', async () => {
    const { stdout, exitCode } = await runCli(['plugins']);
    expect(exitCode).toBe(0);
    for (const { type, summary } of [...collectors, ...channels]) {
      expect(stdout).toMatch(new RegExp(`^${type} +${summary.replaceAll(/[()]/g, '\\$&')}$`, 'm'));
    }
  });

  test('lists them as JSON', async () => {
    const { stdout } = await runCli(['plugins', '--json']);
    const plain = (list: readonly { type: string; summary: string }[]): object[] =>
      list.map(({ type, summary }) => ({ type, summary }));
    expect(JSON.parse(stdout)).toEqual({ collectors: plain(collectors), channels: plain(channels) });
  });
});

describe('config', () => {
  test('check says that a good one is fine', async () => {
    const file = write(
      'good.yaml',
      'sources:\n  - {name: a, type: endpoint, targets: [example.com]}\nchannels:\n  - {name: hook, type: webhook, url: "http://127.0.0.1:1/x"}\n',
    );
    expect(await runCli(['config', 'check', '--config', file])).toEqual({
      exitCode: 0,
      stdout: `${file} is fine: 1 source, 1 channel, 0 routes.\n`,
      stderr: '',
    });
  });

  test.each(['', 'sources: []\n'])('check says of one without sources that nothing is watched: %j', async (text) => {
    const file = write('empty.yaml', text);
    expect(await runCli(['config', 'check', '--config', file])).toEqual({
      exitCode: 0,
      stdout: `${file} is fine: 0 sources, 0 channels, 0 routes. Nothing is watched: there is no source.\n`,
      stderr: '',
    });
  });

  test('check says everything that is wrong with a bad one, and where', async () => {
    const file = write('bad.yaml', 'sources:\n  - {name: a, type: endpont, targets: [example.com]}\nchanels: []\n');
    const ran = await runCli(['config', 'check', '--config', file]);
    expect([ran.exitCode, ran.stdout]).toEqual([3, '']);
    expect(ran.stderr).toMatch(/bad\.yaml:2:\d+: .*endpont/);
    expect(ran.stderr).toMatch(/bad\.yaml:3:1: .*chanels/);
  });

  test('says where the source stands that cannot be opened', async () => {
    const file = write('nowhere.yaml', 'sources:\n  - {name: edge, type: endpoint, targets: []}\n');
    expect(await runCli(['config', 'check', '--config', file])).toEqual({
      exitCode: 3,
      stdout: '',
      stderr: expect.stringMatching(
        /^[^\n]*nowhere\.yaml:2:5: sources\[0\]: source edge: there is nothing to connect to[^\n]*\n$/,
      ),
    });
  });

  test('check says of a file that is not there how to write one', async () => {
    const ran = await runCli(['config', 'check', '--config', path.join(folder, 'nosuch.yaml')]);
    expect(ran.exitCode).toBe(3);
    expect(linesOf(ran)).toEqual([expect.stringContaining('"notafter config init" writes one')]);
  });

  test('init writes what can be used, and overwrites nothing', async () => {
    const printed = await runCli(['config', 'init', '--stdout'], folder);
    expect([printed.exitCode, printed.stderr]).toEqual([0, '']);
    expect(() => parseConfig('printed.yaml', printed.stdout, {})).not.toThrow();
    expect(printed.stdout.endsWith('\n\n')).toBe(false);

    const file = path.join(folder, 'new.yaml');
    expect(await runCli(['config', 'init', '--config', file])).toMatchObject({
      exitCode: 0,
      stdout: `Wrote ${file}. Next: notafter run --config ${file}\n`,
    });
    const checked = await runCli(['config', 'check', '--config', file]);
    expect(checked.stderr).toBe('');
    expect(checked.exitCode).toBe(0);
    const again = await runCli(['config', 'init', '--config', file]);
    expect(again.exitCode).toBe(3);
    expect(linesOf(again)).toEqual([
      `notafter: ${file} is there already and is not overwritten; --config names another file`,
    ]);
  });

  test('schema is a JSON Schema', async () => {
    const { stdout, exitCode } = await runCli(['config', 'schema']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      $schema: expect.stringContaining('json-schema.org'),
      type: 'object',
      properties: { sources: expect.anything() },
    });
  });
});

describe('beside a running daemon', () => {
  let hook: Hook;
  let tls: RunningTls;
  let daemon: DaemonProcess;
  let config: string;
  const refusing = createServer((_request, response) => response.writeHead(400).end('no such room'));

  beforeAll(async () => {
    hook = await startHook();
    tls = await startTlsServer(
      selfSigned({ commonName: 'listed', names: ['127.0.0.1'], notAfter: new Date(Date.now() + 20 * DAY_MS) }),
    );
    await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve));
    const nobody = await closedPort();
    config = write(
      'running.yaml',
      `sources:
  - {name: servers, type: endpoint, every: 1h, targets: ["127.0.0.1:${tls.port}", "127.0.0.1:${nobody}"]}
channels:
  - {name: hook, type: webhook, url: "${hook.url}/told"}
  - {name: broken, type: webhook, url: "http://127.0.0.1:${(refusing.address() as AddressInfo).port}/"}
web: {listen: "127.0.0.1:0"}
log: {level: error}
store: "sqlite:${path.join(folder, 'running.db')}"
`,
    );
    daemon = await startDaemonProcess(config, { cwd: folder });
    await eventually('the first round ends', () => daemon.stdout().includes('Found '));
  });

  afterAll(async () => {
    expect(await daemon.stop()).toBe(0);
    await hook.close();
    await tls.close();
    await new Promise((resolve) => refusing.close(resolve));
  });

  test('run says what it watches, where it serves and what it found', () => {
    expect(daemon.stdout()).toMatch(
      /^notafter \S+ watches 1 source of \S+running\.yaml\n {2}metrics {2}http:\S+\/metrics\n {2}ready {4}http:\S+\/-\/ready\n/,
    );
    expect(daemon.stdout()).toMatch(
      /Found 1 certificate at 1 location\.\n.*\n {2}Next to end: listed, in 19 days, at 127\.0\.0\.1:\d+@127\.0\.0\.1\.\n {2}1 location could not be read: /,
    );
  });

  test('list shows everything that is known, and what could not be read', async () => {
    const [text, json, none] = await Promise.all([
      runCli(['list', '--config', config]),
      runCli(['list', '--config', config, '--json', '--source', 'servers']),
      runCli(['list', '--config', config, '--json', '--within', '10']),
    ]);
    const [title, row, failed, ...rest] = linesOf(text);
    expect(title).toMatch(/^ENDS \(UTC\) +IN +ROLE +NAME +SOURCE +WHERE$/);
    expect(row).toMatch(/19 days +server +listed +servers +127\.0\.0\.1:\d+@127\.0\.0\.1$/);
    expect(failed).toMatch(/^not read at the last look: 127\.0\.0\.1:\d+@127\.0\.0\.1 \(source servers\): \S/);
    expect([rest, text.exitCode]).toEqual([[], 0]);
    expect(JSON.parse(json.stdout)).toEqual([
      expect.objectContaining({ name: 'listed', days_left: 19, role: 'server', source: 'servers', place: 'chain' }),
    ]);
    expect(JSON.parse(none.stdout)).toEqual([]);
  });

  test('list says which sources there are when one is misspelt', async () => {
    const ran = await runCli(['list', '--config', config, '--source', 'server']);
    expect([linesOf(ran), ran.exitCode]).toEqual([
      ['notafter: the store knows no source server; it knows: servers'],
      3,
    ]);
  });

  test('list without a store says where it looked', async () => {
    const file = write('fresh.yaml', `sources: []\nstore: "sqlite:${path.join(folder, 'nosuch.db')}"\n`);
    const ran = await runCli(['list', '--config', file]);
    expect([linesOf(ran), ran.exitCode]).toEqual([
      [expect.stringContaining(`there is no store at ${path.join(folder, 'nosuch.db')}`)],
      3,
    ]);
  });

  test('channel test lets the daemon send, and says what became of it', async () => {
    const ran = await runCli(['channel', 'test', 'hook', '--config', config, '--url', daemon.url]);
    expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
    expect(ran.stdout).toMatch(/^hook: \S+: delivered\n$/);
    expect(hook.received.filter(({ body }) => (JSON.parse(body) as { kind?: string }).kind === 'test')).toHaveLength(1);
  });

  test('channel test says who refused it', async () => {
    const ran = await runCli(['channel', 'test', 'broken', '--url', daemon.url], folder);
    expect([ran.exitCode, ran.stdout]).toEqual([2, '']);
    expect(ran.stderr).toMatch(/^broken: \S+: rejected: .*400/);
  });

  test.each([
    ['an unknown channel', ['nosuch'], /^nosuch: there is no such channel\n$/],
    [
      'no daemon',
      ['hook', '--url', 'http://127.0.0.1:1'],
      /^notafter: no daemon answers at http:\/\/127\.0\.0\.1:1 \(.+\); start it with "notafter run", or name it with --url\n$/,
    ],
    [
      'something that is no daemon',
      ['hook', '--url', 'REFUSING'],
      /^notafter: what answers at http:\S+ is not notafter \(HTTP 400\)\n$/,
    ],
  ])('channel test with %s is unknown', async (_name, args, why) => {
    const other = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`;
    const url = args.includes('--url') ? [] : ['--url', daemon.url];
    const ran = await runCli(
      ['channel', 'test', ...args.map((word) => word.replace('REFUSING', other)), ...url],
      folder,
    );
    expect(ran.stderr).toMatch(why);
    expect([ran.exitCode, ran.stdout]).toEqual([3, '']);
  });

  test('a second daemon on the same store says so and ends', async () => {
    const ran = await runCli(['run', '--config', config], folder);
    expect(ran.exitCode).toBe(3);
    expect(ran.stderr).toMatch(/^notafter: .*(?:in use|another)/);
  });

  test('a daemon whose port is taken says so and ends', async () => {
    const file = write(
      'taken.yaml',
      `sources: []\nweb: {listen: "127.0.0.1:${new URL(daemon.url).port}"}\nlog: {level: error}\nstore: "sqlite:${path.join(folder, 'taken.db')}"\n`,
    );
    const ran = await runCli(['run', '--config', file], folder);
    expect([linesOf(ran), ran.exitCode]).toEqual([
      [expect.stringContaining('is in use already; is another notafter running?')],
      3,
    ]);
  });
});
