import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { parseCertificate } from '../src/certificate/certificate.ts';
import { dial } from '../src/network/dialer.ts';
import { createProber } from '../src/tls/probe.ts';
import type { Handshake } from '../src/tls/probe-result.ts';
import { startGoScanner, type GoScanner } from './go-scanner.ts';
import { line, measure, median, type Measure } from './measure.ts';
import { KEY_TYPES, startTlsFarm, VERSIONS, type KeyType, type TlsFarm, type Version } from './tls-farm.ts';

const NAMES = 2_000;
const ROUNDS = 5;
const CONCURRENCY = 64;
/** A full look costs many times the others: fewer tell as much. */
const FULL_NAMES = 500;
/** Rounds before those that count: code that is compiled on the way costs twice as much. */
const WARM_UP_ROUNDS = 5;

/** The way of looking whose CPU, or rate, is compared with a scanner in Go with X25519 alone; and what is aimed at. */
const CPU_TARGETS = { hello: { '1.3': 0.75, '1.2': 0.75 }, early: { '1.3': 0.6, '1.2': 0.4 } } as const;
const RATE_TARGETS = { hello: 1.2, early: 1.4 } as const;

type Contender = Handshake | 'go' | 'goDefault' | 'goTwo';

const TITLES: Readonly<Record<Contender, string>> = {
  hello: 'notafter, hello',
  early: 'notafter, early',
  full: 'notafter, full (node:tls)',
  go: 'Go crypto/tls, X25519, one processor',
  goDefault: 'Go crypto/tls, default groups, one processor',
  goTwo: 'Go crypto/tls, X25519, two processors',
};

/** Our ways of looking at 2 000 names with a certificate each, against a plain scanner in Go, in alternating rounds. */
export async function benchProbes(): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-bench-'));
  try {
    using farm = await startTlsFarm(folder, NAMES);
    using go = startGoScanner(folder);
    const text = [
      `probes: ${NAMES} names and certificates, chain of 3, ${CONCURRENCY} at a time, ${ROUNDS} rounds, medians`,
      `  servers: ${farm.kind}; Node ${process.versions.node}; ${go?.version ?? 'Go is not installed: its rows are left out'}`,
    ];
    for (const key of KEY_TYPES) {
      for (const version of VERSIONS) text.push(...(await benchServer(farm, go, key, version)));
    }
    // Apart and last: the code that all ways share is compiled anew when the TLS library comes in between.
    for (const key of KEY_TYPES) {
      const full: Measure[] = [];
      for (let round = 0; round < ROUNDS; round++) full.push(await run('full', farm.port(key, '1.3'), farm.names, go));
      text.push(line(`${TITLES.full}, ${key}, TLS 1.3`, median(full)));
    }
    return text.join('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function benchServer(
  farm: TlsFarm,
  go: GoScanner | undefined,
  key: KeyType,
  version: Version,
): Promise<readonly string[]> {
  const contenders: readonly Contender[] = [
    'hello',
    ...(go === undefined ? [] : (['go'] as const)),
    'early',
    ...(go === undefined ? [] : (['goTwo', 'goDefault'] as const)),
  ];
  const port = farm.port(key, version);
  const rounds: Partial<Record<Contender, Measure>>[] = [];
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    for (const contender of ['hello', 'early'] as const) await run(contender, port, farm.names, go);
  }
  for (let round = 0; round < ROUNDS; round++) {
    const measures: Partial<Record<Contender, Measure>> = {};
    for (const contender of contenders) measures[contender] = await run(contender, port, farm.names, go);
    rounds.push(measures);
  }
  const all = (contender: Contender): readonly Measure[] => rounds.flatMap((round) => round[contender] ?? []);
  return [
    ` ${key}, TLS ${version}:`,
    ...contenders.map((contender) => line(TITLES[contender], median(all(contender)))),
    ...(go === undefined ? [] : (['hello', 'early'] as const).flatMap((way) => compare(way, version, rounds))),
  ];
}

function compare(
  way: 'hello' | 'early',
  version: Version,
  rounds: readonly Partial<Record<Contender, Measure>>[],
): readonly string[] {
  const cpu = middle(rounds.map((round) => cpuOf(round[way]) / cpuOf(round.go)));
  const cpuDefault = middle(rounds.map((round) => cpuOf(round[way]) / cpuOf(round.goDefault)));
  const rate = middle(rounds.map((round) => rateOf(round[way]) / rateOf(round.goTwo)));
  const target = CPU_TARGETS[way][version];
  return [
    `  ${way}: CPU ${cpu.toFixed(2)}x of Go (target ${target}x: ${cpu <= target ? 'met' : 'missed'}), ` +
      `${cpuDefault.toFixed(2)}x with default groups; rate ${rate.toFixed(2)}x of Go on both cores ` +
      `(target ${RATE_TARGETS[way]}x: ${rate >= RATE_TARGETS[way] ? 'met' : 'missed'})`,
  ];
}

function cpuOf(one: Measure | undefined): number {
  return one === undefined ? Number.NaN : one.cpuMs / one.items;
}

function rateOf(one: Measure | undefined): number {
  return one === undefined ? Number.NaN : one.items / one.wallMs;
}

function middle(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function run(
  contender: Contender,
  port: number,
  names: readonly string[],
  go: GoScanner | undefined,
): Promise<Measure> {
  switch (contender) {
    case 'hello':
    case 'early':
      return scan(contender, port, names);
    case 'full':
      return scan(contender, port, names.slice(0, FULL_NAMES));
    case 'go':
    case 'goDefault':
    case 'goTwo': {
      if (go === undefined) throw new Error('there is no Go');
      const x25519Only = contender !== 'goDefault';
      const processors = contender === 'goTwo' ? 2 : 1;
      return checked(await go.scan({ port, names, concurrency: CONCURRENCY, x25519Only, processors }), names.length);
    }
  }
}

/** What a look costs the process: the probe, a fingerprint of every certificate, and parsing of each that is new. */
async function scan(handshake: Handshake, port: number, names: readonly string[]): Promise<Measure> {
  const probe = createProber({ now: () => performance.now() });
  const never = new AbortController().signal;
  const alpn = ['h2', 'http/1.1'];
  const known = new Map<string, number>();

  async function look(serverName: string): Promise<boolean> {
    const options = { connect: dial, address: '127.0.0.1', port, serverName, alpn, timeoutMs: 10_000 };
    const result = await probe(options, handshake, never);
    for (const der of result.chain) {
      const fingerprint = hash('sha256', der, 'hex');
      if (known.has(fingerprint)) continue;
      const { notAfter } = parseCertificate(der);
      known.set(fingerprint, notAfter instanceof Date ? notAfter.getTime() : 0);
    }
    return result.chain.length === 3 && result.handshake === handshake;
  }

  const one = await measure(async () => {
    let next = 0;
    let seen = 0;
    await Promise.all(
      Array.from({ length: CONCURRENCY }, async () => {
        for (let name = names[next++]; name !== undefined; name = names[next++]) if (await look(name)) seen++;
      }),
    );
    return seen;
  });
  return checked(one, names.length);
}

function checked(one: Measure, wanted: number): Measure {
  if (one.items !== wanted) throw new Error(`${wanted - one.items} of ${wanted} probes showed no chain of 3`);
  return one;
}
