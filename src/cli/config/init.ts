import { readFile } from 'node:fs/promises';

import { findSources, type FoundSource } from './found.ts';

/** Ports that speak TLS from the first byte. */
const TLS_PORTS: ReadonlySet<number> = new Set([
  443, 465, 563, 636, 853, 989, 990, 993, 995, 2376, 2379, 3269, 5061, 5671, 5986, 6443, 8443, 8883, 9443, 10250,
]);

/** Ports on which TLS begins after some words, and how such a target is written. */
const STARTTLS_PORTS: ReadonlyMap<number, string> = new Map([
  [21, 'ftp'],
  [25, 'smtp'],
  [110, 'pop3'],
  [143, 'imap'],
  [389, 'ldap'],
  [587, 'smtp'],
  [3306, 'mysql'],
  [5432, 'postgres'],
]);

/** Text that is what it looks like in YAML, without quotes. */
const PLAIN = /^[A-Za-z/][\w./-]*$/;

/** What a config may begin with. */
export interface Machine {
  readonly sources: readonly FoundSource[];
  /** Ports on which something listens, ascending. */
  readonly ports: readonly number[];
}

/** A config for this machine, with comments that show how to go on. */
export async function initialConfig(): Promise<string> {
  return configFor({ sources: findSources(), ports: await listeningPorts() });
}

/** A config for a machine. */
export function configFor({ sources, ports }: Machine): string {
  const watched = sources.filter(({ paths }) => paths.length > 0);
  const endpoints = [
    ...endpointLines(
      ports.filter((port) => TLS_PORTS.has(port)).map((port) => `localhost:${port}`),
      ports.flatMap((port) => {
        const scheme = STARTTLS_PORTS.get(port);
        return scheme === undefined ? [] : [`${scheme}://localhost:${port}`];
      }),
    ),
  ];
  const isEmpty = watched.length === 0 && endpoints.every((line) => line.trimStart().startsWith('#'));
  return [
    '# What notafter watches, and who is told. All keys: notafter config schema',
    isEmpty ? 'sources: []' : 'sources:',
    ...sources.flatMap((source) => sourceLines(source, sources)),
    ...endpoints,
    isEmpty ? '  # Nothing was found on this machine. Begin with a host:' : '  # The hosts that matter to you:',
    ...example('  # '),
    '',
    '# Who is told. Try one with: notafter channel test mail',
    '# channels:',
    '#   - name: mail',
    '#     type: email',
    '#     smtp: {host: mail.example.com, port: 587, username: notafter, password_file: /run/secrets/smtp}',
    '#     to: [oncall@example.com]',
  ].join('\n');
}

function sourceLines(source: FoundSource, all: readonly FoundSource[]): string[] {
  const missing = source.missing.map((path) => `  # ${source.name}: ${comment(path)} is configured and is not there`);
  if (source.paths.length === 0) return missing;
  // What another source watches by its name is not watched a second time with its folder.
  const elsewhere = all
    .filter((other) => other !== source)
    .flatMap(({ paths }) => paths)
    .filter((path) => source.paths.some((folder) => path.startsWith(`${folder}/`)));
  return [
    `  # ${comment(source.why)}`,
    `  - name: ${source.name}`,
    '    type: file',
    '    every: 1h',
    '    paths:',
    ...source.paths.map((path) => `      - ${scalar(path)}`),
    ...(elsewhere.length === 0 ? [] : ['    exclude:', ...elsewhere.map((path) => `      - ${scalar(path)}`)]),
    ...missing,
  ];
}

function endpointLines(targets: readonly string[], perhaps: readonly string[]): string[] {
  const lines = targets.map((target) => `      - ${target}`);
  const hints = perhaps.map((target) => `# - ${target}   (if it offers TLS)`);
  if (targets.length === 0) return hints.map((hint) => `  ${hint}`);
  return [
    '  # TLS ports on which something listens here',
    '  - name: this-machine',
    '    type: endpoint',
    '    every: 15m',
    '    targets:',
    ...lines,
    ...hints.map((hint) => `      ${hint}`),
  ];
}

function scalar(text: string): string {
  return PLAIN.test(text) ? text : JSON.stringify(text);
}

/** Names of files are anybody's: a comment ends with its line. */
function comment(text: string): string {
  return text.replace(/[^\u0020-\u007e]/g, '?');
}

function example(prefix: string): string[] {
  return [
    '- name: partners',
    '  type: endpoint',
    '  every: 15m',
    '  targets: [api.example.com, payments.example.com:8443]',
  ].map((line) => prefix + line);
}

/** Ports on which something listens here, from the kernel's table; none where there is no such table. */
async function listeningPorts(): Promise<readonly number[]> {
  const ports = new Set<number>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let text = '';
    try {
      text = await readFile(file, 'utf8');
    } catch {
      continue;
    }
    for (const line of text.split('\n').slice(1)) {
      const [, local, , state] = line.trim().split(/\s+/);
      const port = Number.parseInt(local?.split(':')[1] ?? '', 16);
      if (state === '0A' && !Number.isNaN(port)) ports.add(port);
    }
  }
  return [...ports].toSorted((a, b) => a - b);
}
