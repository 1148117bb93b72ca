import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import type { Config } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/document.ts';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { networkOptions } from '../../src/config/network-section.ts';
import { configJsonSchema } from '../../src/config/schema.ts';

const ENVIRONMENT = { TARGET: 'api.example.com', SMTP_PASSWORD: 'hunter2-canary', PROXY: 'hunter2-proxy' };

function problemsOf(text: string): string[] {
  try {
    parseConfig('notafter.yaml', text, ENVIRONMENT);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n');
  }
}

const SOURCE = 'sources:\n  - name: disk\n    type: file\n    paths: [/etc/ssl]\n';
const MAIL =
  'channels:\n  - name: mail\n    type: email\n    smtp: {host: mail.example.com}\n    to: [oncall@example.com]\n';

describe('a config that is wrong', () => {
  it.each<[string, string, string[]]>([
    ['not YAML', 'sources: [', ['notafter.yaml:1:11: this is not YAML: ']],
    [
      'a mistyped key of a source',
      SOURCE.replace('paths', 'pahts'),
      [
        'notafter.yaml:2:5: sources[0].paths: is missing; expected a list',
        'notafter.yaml:4:5: sources[0].pahts: unknown key; did you mean "paths"?',
      ],
    ],
    [
      'a list of endpoints with something else in it',
      `${SOURCE}    trusts_clients_of: [api.example.com:8443, https://api.example.com/]\n`,
      ['notafter.yaml:5:47: sources[0].trusts_clients_of[1]: '],
    ],
    [
      'a source that takes its targets from none',
      `${SOURCE}  - {name: edge, type: endpoint, targets_from: [dsik, edge]}\n`,
      [
        'notafter.yaml:5:49: sources[1].targets_from[0]: there is no source "dsik"; did you mean "disk"?',
        'notafter.yaml:5:55: sources[1].targets_from[1]: a source takes no targets from itself',
      ],
    ],
    [
      'a label that Prometheus could not name',
      `${SOURCE}    labels: {cost-center: "12"}\n`,
      [
        'notafter.yaml:5:27: sources[0].labels.cost-center: expected a label name: letters, digits and "_", found "cost-center"',
      ],
    ],
    [
      'a port that there is not',
      'web: {listen: "127.0.0.1:99999"}\n',
      ['notafter.yaml:1:15: web.listen: a port is at most 65535'],
    ],
    ['a mistyped section', 'sorces: []\n', ['notafter.yaml:1:1: sorces: unknown key; did you mean "sources"?']],
    [
      'an unknown key far from all',
      `${SOURCE}    colour: red\n`,
      ['notafter.yaml:5:5: sources[0].colour: unknown key; known here: '],
    ],
    ['a mistyped type', SOURCE.replace('type: file', 'type: flie'), ['notafter.yaml:3:11: sources[0].type: expected ']],
    [
      'a missing type',
      SOURCE.replace('    type: file\n', ''),
      ['notafter.yaml:2:5: sources[0].type: is missing; expected '],
    ],
    [
      'a number for a list',
      SOURCE.replace('[/etc/ssl]', '7'),
      ['notafter.yaml:4:12: sources[0].paths: expected a list, found 7'],
    ],
    [
      'a list that is empty',
      SOURCE.replace('[/etc/ssl]', '[]'),
      ['notafter.yaml:4:12: sources[0].paths: needs at least 1'],
    ],
    ['a duration that is none', `${SOURCE}    every: soon\n`, ['notafter.yaml:5:12: sources[0].every: ']],
    [
      'an interval that is too short',
      `${SOURCE}    every: 10ms\n`,
      ['notafter.yaml:5:12: sources[0].every: must be at least 1s'],
    ],
    [
      'both every and cron',
      `${SOURCE}    every: 1h\n    cron: "0 3 * * *"\n`,
      ['notafter.yaml:6:11: sources[0].cron: give either every or cron, not both'],
    ],
    [
      'a cron expression that is none',
      `${SOURCE}    cron: "every day"\n`,
      ['notafter.yaml:5:11: sources[0].cron: "every day" is no cron expression'],
    ],
    [
      'a time zone that is none',
      `${SOURCE}    cron: "0 3 * * *"\n    timezone: Mars/Olympus\n`,
      ['notafter.yaml:6:15: sources[0].timezone: "Mars/Olympus" is no time zone'],
    ],
    [
      'two sources of one name',
      SOURCE + SOURCE.slice('sources:\n'.length),
      ['notafter.yaml:5:11: sources[1].name: "disk" is the name of sources[0] already'],
    ],
    [
      'a name that would break a metric',
      SOURCE.replace('name: disk', 'name: "a b"'),
      ['notafter.yaml:2:11: sources[0].name: expected letters, digits'],
    ],
    [
      'a route to a channel that is not there',
      `${MAIL}routes:\n  - channels: [mial]\n`,
      ['notafter.yaml:7:16: routes[0].channels[0]: there is no channel "mial"; did you mean "mail"?'],
    ],
    [
      'a matcher that is none',
      `${MAIL}routes:\n  - match: ["severity critical"]\n    channels: [mail]\n`,
      ['notafter.yaml:7:13: routes[0].match[0]: '],
    ],
    [
      'a severity that there is not',
      `${MAIL}routes:\n  - match: ['owner="x"', 'severity="critcal"']\n    channels: [mail]\n`,
      [
        'notafter.yaml:7:26: routes[0].match[1]: severity: expected "info", "warning" or "critical", found "critcal"; did you mean "critical"?',
      ],
    ],
    [
      'a family that there is not',
      `${MAIL}routes:\n  - match: ['owner="x"', 'family!=expiri']\n    channels: [mail]\n`,
      ['notafter.yaml:7:26: routes[0].match[1]: family: expected "expiry", "renewal"'],
    ],
    [
      'a rule that there is not',
      `${MAIL}routes:\n  - match: ['owner="x"', 'rule="expire"']\n    channels: [mail]\n`,
      ['notafter.yaml:7:26: routes[0].match[1]: rule: expected "expired", "expiring"'],
    ],
    [
      'a threshold that is none',
      'policy:\n  leaf: {warning: soon}\n',
      ['notafter.yaml:2:19: policy.leaf.warning: "soon" is not a threshold'],
    ],
    [
      'thresholds that contradict each other',
      'policy:\n  leaf: {warning: 3d, critical: 10d}\n',
      ['notafter.yaml:2:9: policy.leaf: for a lifetime of 90 days, critical ("10d") would come before warning ("3d")'],
    ],
    [
      'thresholds of a source that contradict each other',
      `${SOURCE}    policy:\n      leaf: {warning: 3d, critical: 10d}\n`,
      ['notafter.yaml:6:13: sources[0].policy.leaf: '],
    ],
    [
      'a secret in the config',
      MAIL.replace('host: mail.example.com', 'host: m, username: u, password: hunter2'),
      ['notafter.yaml:4:44: channels[0].smtp.password: a secret is not written into the config'],
    ],
    [
      'an environment variable that is not set',
      SOURCE.replace('/etc/ssl', '"${NOWHERE}"'),
      ['notafter.yaml:4:13: sources[0].paths[0]: the environment variable NOWHERE is not set'],
    ],
    [
      'a listening address that is none',
      'web: {listen: here}\n',
      ['notafter.yaml:1:15: web.listen: expected address:port'],
    ],
    ['a store that is none', 'store: mysql://db\n', ['notafter.yaml:1:8: store: expected sqlite:PATH']],
    [
      'a star that is text',
      SOURCE.replace('/etc/ssl', '*.pem'),
      ['notafter.yaml:4:13: what begins with * refers to an anchor (&), and there is none of this name; quote it'],
    ],
    [
      'a variable without quotes in braces',
      'channels:\n  - {name: m, type: slack, webhook_url: ${HOOK}}\n  - name: b\n    token: xoxb-canary\n',
      ['notafter.yaml:2:41: this is not YAML: inside { } or [ ] quote the variable: "${HOOK}"'],
    ],
    [
      'a variable without quotes in brackets over lines',
      'sources:\n  - name: a\n    targets: [\n      "${TARGET}",\n      x.${TARGET}:443\n    ]\n',
      ['notafter.yaml:5:9: this is not YAML: inside { } or [ ] quote the variable: "${TARGET}"'],
    ],
    [
      'something odd in the braces of a variable',
      'a: [${hunter2 canary}]\n',
      ['notafter.yaml:1:5: this is not YAML: inside { } or [ ] quote the variable: "${NAME}"'],
    ],
    ['a key given twice', 'store: "sqlite:a"\nstore: "sqlite:b"\n', ['notafter.yaml:2:1: this is not YAML: ']],
    ['a list instead of a map', '- sources\n', ['notafter.yaml:1:1: expected a map of keys, found a list']],
  ])('names line, column, key and expectation: %s', (_what, text, expected) => {
    const problems = problemsOf(text);

    expect(problems).toHaveLength(expected.length);
    for (const [index, beginning] of expected.entries()) expect(problems[index]).toContain(beginning);
  });

  it.each([
    'a: {b: canary canary: canary}}\n  canary: x\n- canary\n',
    'a: "canary \\c canary"\n',
    'a: @canary\n',
    'a: *canary\n',
    'a: !canary [}\ncanary\n',
    'a: |canary canary\n canary\n',
    'a: [canary\ncanary: canary\n',
    'canary: 1\ncanary: 2\n',
    'a: "canary\n',
    'a: b: canary\n',
    'a: &canary &canary x\n',
    'a: 1\n...\ncanary: ]\n',
    'a: 1\n---\ncanary: 1\n',
    'a:\n\t- canary\n',
    'a: {b: ${canary-canary}}\n',
    'a: &canary [*canary]\n',
  ])('says one thing about a file that is not YAML, and repeats nothing of it: %j', (text) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^notafter\.yaml:\d+:\d+: /);
    expect(problems[0]).not.toContain('canary');
  });

  it('never shows a secret that stands where it should not', () => {
    const problems = problemsOf(
      MAIL.replace(
        'host: mail.example.com',
        'host: m, password: "an-inline-secret-that-is-quite-long-indeed-and-must-not-be-shown"',
      ),
    );

    expect(problems.join('\n')).not.toContain('must-not-be-shown');
    expect(
      problemsOf(MAIL.replace('host: mail.example.com', 'host: m, username: u, password: hunter2')).join('\n'),
    ).not.toContain('hunter2');
  });

  it('says how to begin when there is no file', async () => {
    await expect(loadConfig('/nowhere/notafter.yaml', {})).rejects.toThrow(
      '/nowhere/notafter.yaml:1:1: there is no such file; "notafter config init" writes one',
    );
  });
});

describe('a config that is right', () => {
  it('gets its defaults, and variables from the environment', () => {
    const config = parseConfig(
      'notafter.yaml',
      `${SOURCE}  - {name: api, type: endpoint, targets: ["\${TARGET}:8443", "cost$$"], labels: {owner: pay}}\n`,
      ENVIRONMENT,
    );

    expect(config.sources.map((source) => source.schedule)).toEqual([{ everyMs: 3_600_000 }, { everyMs: 3_600_000 }]);
    expect(config.sources[1]?.options['targets']).toEqual(['api.example.com:8443', 'cost$']);
    expect(config.sources[1]?.labels).toEqual({ owner: 'pay' });
    expect(config.web).toMatchObject({ host: '127.0.0.1', port: 9919 });
    expect(config.store).toBe('sqlite:./data/notafter.db');
    expect(config.notifications).toMatchObject({ dryRun: false, minimumSeverity: 'warning', resolveAfterLooks: 3 });
  });

  it('takes aliases of anchors, and variables without quotes outside of braces', () => {
    const config = parseConfig(
      'notafter.yaml',
      'sources:\n  - name: a\n    type: endpoint\n    targets: &all\n      - ${TARGET}:443\n    labels: {note: "{$}"}\n  - {name: b, type: endpoint, targets: *all}\n',
      ENVIRONMENT,
    );
    expect(config.sources.map((source) => source.options['targets'])).toEqual(
      ['a', 'b'].map(() => ['api.example.com:443']),
    );
  });

  it('routes by severity, family and rule, and by any value of a label or pattern', () => {
    const matchers = ['severity!="info"', 'family=client', 'rule="crl-expiring"', 'owner="critcal"', 'rule=~"crl.*"'];
    const config = parseConfig(
      'notafter.yaml',
      `${MAIL}routes:\n  - {match: ${JSON.stringify(matchers)}, channels: [mail]}\n`,
      ENVIRONMENT,
    );
    expect(config.routes[0]?.matchers.map(({ name }) => name)).toEqual(['severity', 'family', 'rule', 'owner', 'rule']);
  });

  it('holds a reference to a secret, never the secret', () => {
    const config = parseConfig(
      'notafter.yaml',
      MAIL.replace('host: mail.example.com', 'host: m, username: u, password: "${SMTP_PASSWORD}"'),
      ENVIRONMENT,
    );

    expect(JSON.stringify(config.channels)).not.toContain('hunter2');
  });

  it('takes trust and pins of a source, and trust of all', () => {
    const config = parseConfig(
      'notafter.yaml',
      `trust: {ca_files: [/etc/ca.pem]}
sources:
  - {name: disk, type: file, paths: [/etc/ssl]}
  - {name: partners, type: endpoint, targets: [api.example.com], trust: {mozilla: false}, pins: {issuers: [CN=CA]}}
`,
      {},
    );
    expect(config.trust).toEqual({ caFiles: ['/etc/ca.pem'] });
    expect(config.policy.sources.get('disk')).not.toHaveProperty('pins');
    expect(config.policy.sources.get('partners')).toMatchObject({ pins: { issuers: ['CN=CA'] } });
    const [, partners] = config.sources;
    expect(partners?.collector.demands?.(partners.options).trust).toEqual({ mozilla: false });
    expect(parseConfig('notafter.yaml', '', {}).trust).toEqual({});
  });

  it('takes a threshold away with "none"', () => {
    const config = parseConfig('notafter.yaml', 'policy:\n  authority: {info: none}\n', {});

    expect(config.policy.settings.thresholds.authority.info).toBeUndefined();
    expect(config.policy.settings.thresholds.authority.warning).toBeDefined();
  });

  it('passes its own JSON Schema', () => {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    const validate = ajv.compile(JSON.parse(JSON.stringify({ ...configJsonSchema(), $schema: undefined })) as object);

    expect(validate(parse(SOURCE + MAIL))).toBe(true);
    expect(validate(parse(SOURCE.replace('paths', 'pahts')))).toBe(false);
  });

  it('is read from a file', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'notafter-config-'));
    try {
      const file = path.join(folder, 'notafter.yaml');
      writeFileSync(file, SOURCE);

      await expect(loadConfig(file, {})).resolves.toMatchObject({ file, sources: [{ name: 'disk' }] });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the network section', () => {
  const config = (section: string): Config => parseConfig('notafter.yaml', `network:\n${section}`, ENVIRONMENT);

  it('says which proxy, which name servers and how long answers are kept', () => {
    const { network } =
      config(`  proxy: {url: 'socks5h://proxy.example:1080', username: notafter, password: "\${PROXY}"}
  no_proxy: [internal.example, 10.0.0.0/8]
  dns: {servers: [10.0.0.53, '[2001:db8::53]:5353'], timeout: 500ms, cache: {max_ttl: 1m, negative_ttl: 1s, size: 100}}
`);
    expect(network).toEqual({
      proxy: { url: 'socks5h://proxy.example:1080', username: 'notafter', password: '${PROXY}' },
      noProxy: ['internal.example', '10.0.0.0/8'],
      dns: {
        nameServers: ['10.0.0.53', '[2001:db8::53]:5353'],
        timeoutMs: 500,
        maxTtlMs: 60_000,
        noneTtlMs: 1_000,
        cacheSize: 100,
      },
    });
  });

  it('reads the password of the proxy at each use', async () => {
    const { network } = config(
      `  proxy: {url: 'http://[2001:db8::1]:3128', username: notafter, password: "\${PROXY}"}\n`,
    );
    const { proxy } = networkOptions(network, async (reference) => JSON.stringify(reference));
    expect(proxy).toMatchObject({ scheme: 'http', host: '2001:db8::1', port: 3128, resolves: 'proxy' });
    expect(await proxy?.credentials?.()).toEqual({ username: 'notafter', password: '{"env":"PROXY"}' });
  });

  it.each([
    [
      '  proxy: http://user:hunter2@proxy.example:3128\n',
      /2:10: network\.proxy: .*a login is not written into the URL/,
    ],
    ['  proxy: ftp://proxy.example:21\n', /2:10: network\.proxy: .*ftp:\/\/ is not spoken/],
    ['  no_proxy: [a.example, "10.0.0.0/99"]\n', /2:25: network\.no_proxy\[1\]: "10\.0\.0\.0\/99" is no name/],
    ['  dns: {servers: [dns.example]}\n', /2:19: network\.dns\.servers\[0\]: .*10\.0\.0\.53/],
    ['  dns: {timeout: 2}\n', /network\.dns\.timeout/],
    ['  dnss: {}\n', /network.*dnss/],
  ])('refuses %j with line and column, and repeats no password', (section, message) => {
    expect(() => config(section)).toThrow(message);
    expect(() => config(section)).not.toThrow(/hunter2/);
  });
});
