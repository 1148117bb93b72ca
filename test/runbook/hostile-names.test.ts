import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { KnownItem, Location, Sighting } from '../../src/inventory/model.ts';
import { itemSituation, join } from '../../src/runbook/gathering.ts';
import { markdownOf } from '../../src/runbook/markdown.ts';
import { PHASES, type Runbook } from '../../src/runbook/model.ts';
import { buildRunbook } from '../../src/runbook/runbook.ts';
import { authority, crl, endpointLocation, fileLocation, leaf, NOW } from '../policy/places.ts';

/** Pieces of which somebody makes a name that wants to be run. */
const PIECES = [
  "'",
  '"',
  '`touch owned`',
  '$(touch owned)',
  '${IFS}',
  ';touch owned;',
  '&&touch owned',
  '|touch owned',
  '\ntouch owned\n',
  '\r',
  '\u2028touch owned\u2028',
  '\u0000',
  '\u202e',
  '>owned',
  '<(touch owned)',
  '\\',
  '!!',
  '*',
  '~',
  '#',
  '-rf',
  '--',
  "'\\''",
  '```\ntouch owned\n```',
  'EOF\ntouch owned',
  '{{title}}',
  '%s',
  'x',
  ' ',
];

const names: readonly string[] = fc
  .sample(fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 8 }), { numRuns: 200, seed: 11 })
  .map((pieces) => pieces.join(''));

/** Places in AWS, by what lies there. */
const AWS = [
  { kind: 'anchor', arn: 'arn:aws:apigateway:eu-west-1::/domainnames/NAME' },
  { kind: 'leaf', arn: 'arn:aws:apigateway:eu-west-1::/domainnames/NAME' },
  { kind: 'leaf', arn: 'arn:aws:apigateway:eu-west-1::/clientcertificates/NAME' },
  { kind: 'anchor', arn: 'arn:aws:elasticloadbalancing:eu-west-1:1:truststore/NAME/1' },
  { kind: 'list', arn: 'arn:aws:elasticloadbalancing:eu-west-1:1:truststore/NAME/1/revocations/7' },
  { kind: 'anchor', arn: 'arn:aws:rolesanywhere:eu-west-1:1:trust-anchor/NAME' },
  { kind: 'list', arn: 'arn:aws:rolesanywhere:eu-west-1:1:crl/NAME' },
  { kind: 'anchor', arn: 'arn:aws:cloudfront::1:trust-store/NAME' },
  { kind: 'anchor', arn: 'arn:aws:iot:eu-west-1:1:cacert/NAME' },
  { kind: 'anchor', arn: 'arn:aws:acm-pca:eu-west-1:1:certificate-authority/NAME' },
  { kind: 'leaf', arn: 'arn:aws:iam::1:server-certificate/NAME' },
  { kind: 'leaf', arn: 'arn:aws:rds:eu-west-1:1:db:NAME' },
  { kind: 'leaf', arn: 'arn:aws:rds:eu-west-1:1:cluster:NAME' },
  { kind: 'leaf', arn: 'arn:aws:secretsmanager:eu-west-1:1:secret:NAME' },
] as const;

const gatewayOf = (name: string): string =>
  `/subscriptions/s/resourceGroups/${name}/providers/Microsoft.Network/applicationGateways/${name}`;

/** The name wherever a place can carry one. */
function situations(name: string): readonly { readonly item: KnownItem; readonly location: Location }[] {
  const server = leaf(name, { names: [name], issuer: `CN=${name}` });
  const ca = authority(name, { issuer: `CN=${name}` });
  const sighting = (item: KnownItem, more: Partial<Sighting> = {}): Sighting => ({
    item,
    place: 'certificate',
    index: 0,
    role: item === ca ? 'intermediate' : 'server',
    firstSeenAt: NOW,
    lastSeenAt: NOW,
    usedBy: [{ type: 'app', id: name }],
    ...more,
  });
  const list = crl({ issuer: name });
  const at = (type: string, location: string, one: Sighting): Location => ({
    ...fileLocation([one]),
    type,
    target: location,
    location,
  });
  const manual = { renewal: { mode: 'manual' as const, stuck: name } };
  const automatic = { renewal: { mode: 'automatic' as const, stuck: name } };
  return [
    {
      item: server,
      location: at('file', `/etc/${name}.pem`, sighting(server, { key: { at: `/${name}`, match: 'yes' } })),
    },
    { item: server, location: at('file', `/etc/letsencrypt/live/${name}/fullchain.pem`, sighting(server)) },
    { item: server, location: at('file', `/srv/${name}.p12`, sighting(server, { place: name })) },
    { item: server, location: at('file', `/srv/${name}.jks`, sighting(server, { place: name })) },
    { item: server, location: at('aws-acm', `arn:aws:acm:eu-west-1:1:certificate/${name}`, sighting(server, manual)) },
    {
      item: server,
      location: at('aws-acm', `arn:aws:acm:eu-west-1:1:certificate/${name}`, sighting(server, automatic)),
    },
    {
      item: server,
      location: at('azure-key-vault', `https://v.vault.azure.net/certificates/${name}`, sighting(server, automatic)),
    },
    { item: server, location: at('gcp', `projects/${name}/locations/global/certificates/${name}`, sighting(server)) },
    { item: server, location: at('gcp', `projects/p/global/sslCertificates/${name}`, sighting(server)) },
    { item: server, location: at('azure', gatewayOf(name), sighting(server, { place: `ssl/${name}/certificate` })) },
    {
      item: ca,
      location: at('azure', gatewayOf(name), sighting(ca, { place: `trusted-client/${name}`, role: 'trust-anchor' })),
    },
    { item: server, location: at('azure', `entra:applications/${name}`, sighting(server, { role: 'client' })) },
    {
      item: server,
      location: at(
        'azure',
        `entra:servicePrincipals/${name}`,
        sighting(server, { role: 'signer', place: `signing/${name}` }),
      ),
    },
    {
      item: ca,
      location: at('gcp', `projects/p/locations/global/trustConfigs/${name}`, sighting(ca, { role: 'trust-anchor' })),
    },
    { item: server, location: at('kubernetes', `secret/ns/${name}`, sighting(server, automatic)) },
    { item: server, location: at('kubernetes', 'prod/secret/ns/web', sighting(server, automatic)) },
    { item: server, location: at('vault', name, sighting(server)) },
    { item: server, location: at('other', name, sighting(server, { place: name })) },
    { item: server, location: endpointLocation([server], { target: name }) },
    { item: ca, location: at('file', `/etc/${name}.pem`, sighting(ca, { index: 1 })) },
    { item: ca, location: at('file', `/etc/${name}.pem`, sighting(ca, { role: 'trust-anchor' })) },
    { item: list, location: at('file', `/etc/${name}.crl`, sighting(list)) },
    // A few of them for each name: all together each kind is there many times.
    ...AWS.filter((_, index) => (index + name.length) % 5 === 0).map(({ kind, arn }) => {
      const item = kind === 'list' ? list : kind === 'anchor' ? ca : server;
      const role = kind === 'anchor' ? ('trust-anchor' as const) : ('server' as const);
      const usedBy = [
        { type: 'aws', id: `arn:aws:apigateway:eu-west-1::/restapis/${name}/stages/${name}` } as const,
        { type: 'endpoint', id: name } as const,
      ];
      return { item, location: at('aws', arn.replace('NAME', name), sighting(item, { ...manual, role, usedBy })) };
    }),
  ];
}

function runbookFor({ item, location }: ReturnType<typeof situations>[number]): Runbook {
  return buildRunbook(itemSituation(item, join([location], new Map(), NOW)));
}

function commandsOf(runbook: Runbook): readonly string[] {
  return PHASES.flatMap((phase) =>
    runbook.phases[phase].flatMap(({ commands, choices }) => [
      ...commands,
      ...choices.flatMap((choice) => choice.commands),
    ]),
  );
}

describe('the commands of runbooks about 200 hostile names', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-hostile-'));
  const runbooks = names.flatMap((name) => situations(name).map(runbookFor));

  /** With no program to find: what is left is what the shell itself makes of the names. */
  function outputOf(script: string): string {
    writeFileSync(path.join(folder, 'script'), script);
    return execFileSync('/bin/sh', [path.join(folder, 'script')], {
      cwd: path.join(folder, 'here'),
      env: { HOME: folder, WORK: path.join(folder, 'work'), PATH: path.join(folder, 'none') },
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  }

  beforeAll(() => {
    for (const name of ['here', 'work']) mkdirSync(path.join(folder, name));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('are all of one shape that a shell can read', () => {
    const commands = new Set(runbooks.flatMap(commandsOf));
    expect(commands.size).toBeGreaterThan(2_000);
    const script = [...commands].map((command) => `(\n${command}\n)`).join('\n');

    expect(() => execFileSync('/bin/sh', ['-n'], { input: script, stdio: ['pipe', 'pipe', 'pipe'] })).not.toThrow();
  });

  it('run nothing that a name says, even where every program fails', () => {
    // Each name in two kinds of place: all together they are in each kind many times.
    const some = names.flatMap((name, index) => {
      const all = situations(name);
      return [index, index + 8].flatMap((number) => all[number % all.length] ?? []).map(runbookFor);
    });
    const commands = [...new Set(some.flatMap(commandsOf))];
    const script = [
      'touch() { case "$1" in owned*) echo OWNED ;; esac; }',
      ...commands.map((command) => `(\n${command}\n) </dev/null || true`),
      'touch owned && echo END',
    ].join('\n');

    // The last line proves that the trap works, and that all of it was run.
    expect(outputOf(script).match(/^(?:OWNED|END)$/gm)).toEqual(['OWNED', 'END']);
    expect(existsSync(path.join(folder, 'here', 'owned'))).toBe(false);
  });

  it('stand each on lines of their own in Markdown, where no name ends their block', () => {
    for (const runbook of runbooks) {
      const fences = markdownOf(runbook)
        .split('\n')
        .filter((line) => line.trimStart().startsWith('```'));
      expect(fences.every((line, index) => line.trim() === (index % 2 === 0 ? '```sh' : '```'))).toBe(true);
      expect(fences.length % 2).toBe(0);
    }
  });
});
