import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { endpoint } from '../../../collectors/endpoint/index.ts';
import { createNetwork } from '../../../src/network/create-network.ts';
import type { Target } from '../../../src/plugin/collector.ts';
import type { Context } from '../../../src/plugin/context.ts';
import { CollectError } from '../../../src/plugin/error.ts';
import { deafContext } from '../../contract/collector.ts';
import { startDnsServer, type DnsServer } from '../../helpers/dns-server.ts';
import { startServer, type TestServer } from '../../helpers/loopback-servers.ts';

const never = new AbortController().signal;

/** What one search gives: targets as `key {labels}`, and the error behind them. */
interface Found {
  readonly targets: readonly string[];
  readonly error?: CollectError;
}

describe('where the targets of an endpoint source come from', () => {
  let folder: string;
  let context: Context;
  let dns: DnsServer;
  beforeAll(async () => {
    dns = await startDnsServer({});
    context = {
      ...deafContext(),
      network: createNetwork({ hostsFile: '/dev/null', resolvConf: '/dev/null', nameServers: [dns.address] }),
    };
  });
  afterAll(() => dns[Symbol.asyncDispose]());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'notafter-discovery-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function write(name: string, text: string): string {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  }

  async function source(options: object): Promise<() => Promise<Found>> {
    const instance = await endpoint.create(endpoint.options.parse(options), context);
    return async () => {
      const targets: string[] = [];
      try {
        for await (const target of instance.discover(never)) targets.push(shown(target));
        return { targets };
      } catch (error) {
        if (!(error instanceof CollectError)) throw error;
        return { targets, error };
      }
    };
  }

  async function find(options: object): Promise<Found> {
    return (await source(options))();
  }

  function shown({ key, labels }: Target): string {
    return labels === undefined ? key : `${key} ${JSON.stringify(labels)}`;
  }

  test('other sources, by the endpoints at which what they found is served', async () => {
    const asked: (readonly string[])[] = [];
    const told = ['shop.example.com:443', 'api.example.com:8443', 'not an endpoint:443'];
    const instance = await endpoint.create(endpoint.options.parse({ targets_from: ['cluster', 'aws'] }), {
      ...context,
      servedAt(names) {
        asked.push(names);
        return told;
      },
    });

    const keys = (await Array.fromAsync(instance.discover(never))).map(({ key }) => key);

    expect(keys.toSorted()).toEqual(['api.example.com:8443', 'shop.example.com:443']);
    expect(asked).toEqual([['cluster', 'aws']]);
  });

  test('a source without any is refused', async () => {
    await expect(find({})).rejects.toThrow('there is nothing to connect to: give targets, targets_file');
  });

  describe('a file of lines', () => {
    test('holds one target each, comments and blank lines, and is read anew each time', async () => {
      const path = write('targets.txt', '# ours\n\nA.example:8443   # a comment\r\n[::1]:636\nsmtp://mail.example\n');
      const search = await source({ targets: ['b.example'], targets_file: path });
      expect(await search()).toEqual({
        targets: ['b.example:443', 'a.example:8443', '[::1]:636', 'smtp://mail.example:25'],
      });
      write('targets.txt', 'c.example');
      expect(await search()).toEqual({ targets: ['b.example:443', 'c.example:443'] });
    });

    test('names file, line and column of what is no target, and gives what else there is', async () => {
      const path = write('targets.txt', 'good.example\n  bad example\n');
      const { targets, error } = await find({ targets: ['b.example'], targets_file: [path] });
      expect(targets).toEqual(['b.example:443']);
      expect(error).toMatchObject({
        reason: 'malformed',
        message: expect.stringMatching(
          /targets\.txt:2:3: "bad example" is not a target; .*; what it named before is kept$/,
        ),
      });
    });

    test('that is not there is told of', async () => {
      const { error } = await find({ targets_file: join(folder, 'none.txt') });
      expect(error).toMatchObject({ reason: 'not_found', message: expect.stringContaining('none.txt does not exist') });
    });
  });

  describe("documents of Prometheus' file_sd", () => {
    test('keep their labels, but for those of the discovery, and lists may stand beside groups', async () => {
      write(
        'a.json',
        JSON.stringify([
          {
            targets: ['a.example:8443', 'b.example'],
            labels: { owner: 'web', __meta_datacenter: 'x', __address__: 'y', __scheme__: 'https' },
          },
          { targets: [] },
        ]),
      );
      write('b.yml', '- targets: [c.example]\n  labels: {owner: db, tier: 1}\n- d.example\n');
      write('c.txt', 'not read');
      const { targets, error } = await find({ file_sd: [join(folder, '*.json'), join(folder, '*.yml')] });
      expect(error).toBeUndefined();
      expect(targets).toEqual([
        'a.example:8443 {"owner":"web"}',
        'b.example:443 {"owner":"web"}',
        'c.example:443 {"owner":"db","tier":"1"}',
        'd.example:443',
      ]);
    });

    test('a target that is named twice has the labels of both, the first before the second', async () => {
      write('a.json', '[{"targets":["a.example:443"],"labels":{"owner":"web"}}]');
      write('b.json', '[{"targets":["https://A.example/x"],"labels":{"owner":"db","env":"prod"}}]');
      const { targets } = await find({ targets: ['a.example'], file_sd: [join(folder, '*.json')] });
      expect(targets).toEqual(['a.example:443 {"owner":"web","env":"prod"}']);
    });

    test.each<[string, string, RegExp]>([
      ['bad.json', '[{"targets": ["a.example",]}', /bad\.json:1:\d+: this is neither JSON nor YAML/],
      ['bad.json', '[\n  {"targets": ["a.example:99999"]}\n]', /bad\.json:2:16: .*a port is a number/],
      ['bad.json', '[\n  {"target": ["a.example"]}\n]', /bad\.json:2:14: unknown key/],
      ['bad.json', '[{"targets":["a.example"],\n"labels":{"a-b":"c"}}]', /bad\.json:2:17: a label name/],
      ['bad.json', '{"targets":["a.example"]}', /bad\.json:1:1: expected a list/],
      ['bad.yml', '- targets:\n    - a.example\n    - 7\n', /bad\.yml:3:7: expected a target/],
      ['bad.yml', '- targets: [a.example\n', /bad\.yml:\d:\d+: this is neither JSON nor YAML/],
      ['bad.yml', '- targets: *none\n', /bad\.yml.*alias/],
      ['bad.yml', 'a: &a [x]\nb: &b [*a,*a]\n', /bad\.yml:1:1: expected a list/],
    ])('%s holding %j is told of with its place; the other files are read', async (name, text, message) => {
      write(name, text);
      write('good.json', '["good.example"]');
      const { targets, error } = await find({ file_sd: [join(folder, name), join(folder, 'good.json')] });
      expect(targets).toEqual(['good.example:443']);
      expect(error).toMatchObject({ reason: 'malformed', message: expect.stringMatching(message) });
    });

    test('a bomb of aliases is cut off', async () => {
      const levels = Array.from({ length: 12 }, (_value, index) =>
        index === 0
          ? '- &a0 [x.example]'
          : `- &a${index} [${Array.from({ length: 9 }, () => `*a${index - 1}`).join(',')}]`,
      );
      write('bomb.yml', levels.join('\n'));
      const { error } = await find({ file_sd: [join(folder, 'bomb.yml')] });
      expect(error?.message).toMatch(/bomb\.yml/);
    });

    test('a pattern that nothing matches is a failure, and no end of what was there', async () => {
      const { targets, error } = await find({ targets: ['a.example'], file_sd: [join(folder, '*.json')] });
      expect(targets).toEqual(['a.example:443']);
      expect(error).toMatchObject({
        reason: 'not_found',
        message: expect.stringContaining('no file is called like that'),
      });
    });

    test.each(['/etc/*/sd.json', '/etc/sd/targets', '/etc/{a,b}/x.yml'])('the pattern %s is refused', (pattern) => {
      expect(endpoint.options.safeParse({ file_sd: [pattern] }).success).toBe(false);
    });
  });

  describe("URLs of Prometheus' http_sd", () => {
    let server: TestServer;
    let answer: (request: IncomingMessage, response: ServerResponse) => void;
    let requests: IncomingMessage[];
    beforeEach(async () => {
      requests = [];
      server = await startServer(
        createServer((request, response) => {
          requests.push(request);
          answer(request, response);
        }),
      );
    });
    afterEach(() => server[Symbol.asyncDispose]());

    const url = (): string => `http://127.0.0.1:${server.port}/sd?secret=hunter2`;
    const groups = (...names: readonly string[]): string =>
      JSON.stringify([{ targets: names, labels: { owner: 'sd', __meta_x: 'y' } }]);

    test('are asked with the tag of the last answer, and with a token where one is given', async () => {
      answer = (request, response) => {
        if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end();
        else response.writeHead(200, { etag: '"1"' }).end(groups('a.example:443'));
      };
      const search = await source({ http_sd: [{ url: url(), token_file: '/run/secrets/sd' }] });
      const first = await search();
      expect(first).toEqual({ targets: ['a.example:443 {"owner":"sd"}'] });
      expect(await search()).toEqual(first);
      expect(requests.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"1"']);
      expect(requests[0]?.headers.authorization).toBe('Bearer secret');
    });

    test.each<[string, (response: ServerResponse) => void, string, RegExp]>([
      ['says 500', (response) => response.writeHead(500).end(), 'service_error', /answered with 500/],
      ['wants a login', (response) => response.writeHead(401).end(), 'authentication_failed', /401/],
      ['redirects', (response) => response.writeHead(302, { location: '/x' }).end(), 'service_error', /302/],
      ['gives no JSON', (response) => response.end('<html>'), 'malformed', /127\.0\.0\.1:\d+.*expected a list/],
      ['gives a wrong group', (response) => response.end('[{"targets":[1]}]'), 'malformed', /:1:14: expected a target/],
      ['gives too much', (response) => response.end(Buffer.alloc(17 * 1024 * 1024, ' ')), 'too_large', /longer than/],
      ['hangs up', (response) => response.destroy(), 'closed', /closed/],
    ])('one that %s is told of without path and query; the rest is given', async (_what, respond, reason, message) => {
      answer = (_request, response) => respond(response);
      const { targets, error } = await find({ targets: ['b.example'], http_sd: [url()] });
      expect(targets).toEqual(['b.example:443']);
      expect(error).toMatchObject({ reason, message: expect.stringMatching(message) });
      expect(error?.message).not.toContain('hunter2');
    });

    test('a login in the URL is refused', () => {
      const parsed = endpoint.options.safeParse({ http_sd: ['http://user:hunter2@sd.example/'] });
      expect(JSON.stringify(parsed.error?.issues)).toContain('token_file');
      expect(JSON.stringify(parsed.error?.issues)).not.toContain('hunter2');
    });
  });

  describe('SRV records', () => {
    test('give a target each; the service says what is spoken, unless a scheme does', async () => {
      dns.zone = {
        '_ldaps._tcp.example.com': { srv: ['0 0 1636 ldap.example.com'] },
        '_imap._tcp.example.com': { srv: ['0 0 143 mail.example.com'] },
        '_relay._tcp.example.com': { srv: ['0 0 2525 mail.example.com'] },
        '_thing._tcp.example.com': { srv: ['0 0 4711 thing.example.com'] },
      };
      const srv = ['_ldaps', '_imap', 'smtp://_relay', '_thing'].map((name) => `${name}._tcp.example.com`);
      expect(await find({ srv })).toEqual({
        targets: [
          'ldap.example.com:1636',
          'imap://mail.example.com:143',
          'smtp://mail.example.com:2525',
          'thing.example.com:4711',
        ],
      });
    });

    test('that are not there are a failure; one that says that there is no service gives nothing', async () => {
      dns.zone = { '_imaps._tcp.example.com': { srv: ['0 0 0 .'] } };
      expect(await find({ srv: ['_imaps._tcp.example.com'] })).toEqual({ targets: [] });
      const { error } = await find({ targets: ['a.example'], srv: ['_ldap._tcp.example.com'] });
      expect(error).toMatchObject({ reason: 'dns', message: expect.stringContaining('has no SRV record') });
    });

    test.each(['_ldaps.example.com', 'ldap.example.com', 'foo://_x._tcp.example.com', '_x._udp.example.com'])(
      '%s is refused',
      (name) => {
        expect(endpoint.options.safeParse({ srv: [name] }).success).toBe(false);
      },
    );
  });

  test('all that is wrong is told at once', async () => {
    const { error } = await find({
      targets_file: [join(folder, 'one.txt'), join(folder, 'two.txt')],
      srv: ['_none._tcp.example.com'],
    });
    expect(error?.message).toMatch(/one\.txt.*; .*two\.txt.*; _none\._tcp\.example\.com has no SRV record/);
  });
});
