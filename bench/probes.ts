import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { createProber } from '../src/tls/probe.ts';
import type { Handshake } from '../src/tls/probe-result.ts';
import { createScanner, type Scanner } from '../src/tls/scanner/scanner.ts';
import { startBlackbox, type Blackbox } from './blackbox.ts';
import { startGoScanner, type GoScanner } from './go-scanner.ts';
import { line, median, type Measure } from './measure.ts';
import { ANYWHERE, CAN_PIN, pin, SCANNER, SERVER } from './pinning.ts';
import { textAboutReleased } from './program.ts';
import { countDisagreements, scan } from './scan.ts';
import { KEY_TYPES, startTlsFarm, VERSIONS, type KeyType, type TlsFarm, type Version } from './tls-farm.ts';

const NAMES = 2_000;
/** Of the measurement of CPU, and of that of rates. */
const CPU_ROUNDS = 11;
const RATE_ROUNDS = 7;
const CONCURRENCY = 64;
/** What costs many times the others: fewer tell as much. */
const FEW_NAMES = 500;
/** Rounds before those that count: code that is compiled on the way costs twice as much. */
const WARM_UP_ROUNDS = 8;

/** The way of looking whose CPU, or rate, is compared with a scanner in Go with X25519 alone; and what is aimed at. */
const CPU_TARGETS = { hello: { '1.3': 0.75, '1.2': 0.75 }, early: { '1.3': 0.6, '1.2': 0.4 } } as const;
const RATE_TARGETS = { hello: 1.2, early: 1.4 } as const;
const THREAD_TARGET = 1.3;
const BLACKBOX_TARGET = 4;

/** A released scanner in Go. */
const TLSX = 'github.com/projectdiscovery/tlsx/cmd/tlsx@latest';

type Contender = Handshake | 'thread' | 'go' | 'goDefault' | 'goTwo' | 'blackbox';

const TITLES: Readonly<Record<Contender, string>> = {
  hello: 'notafter, hello',
  early: 'notafter, early',
  full: 'notafter, full (node:tls)',
  thread: 'notafter, hello, in the scanner thread',
  go: 'Go crypto/tls, X25519, one processor',
  goDefault: 'Go crypto/tls, default groups, one processor',
  goTwo: 'Go crypto/tls, X25519, two processors',
  blackbox: 'blackbox_exporter over HTTP, one processor',
};

/** Who takes part. */
interface Field {
  readonly farm: TlsFarm;
  readonly scanner: Scanner;
  readonly go: GoScanner | undefined;
  readonly blackbox: Blackbox | undefined;
}

type Round = Partial<Record<Contender, Measure>>;

const probe = createProber({ now: () => performance.now() });

/** Our ways of looking at 2 000 names with a certificate each, against other scanners, in alternating rounds. */
export async function benchProbes(): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-bench-'));
  const scanner = createScanner({
    now: () => performance.now(),
    onCrash: (error) => process.stderr.write(`the scanner thread crashed: ${error.message}\n`),
    threads: 1,
    worthwhile: 0,
  });
  try {
    using farm = await startTlsFarm(folder, NAMES);
    using go = startGoScanner(folder);
    using blackbox = await startBlackbox(folder, farm.names);
    const field: Field = { farm, scanner, go, blackbox };
    const others = [
      go?.version ?? 'Go is not installed: its rows are left out',
      blackbox === undefined
        ? 'prometheus-blackbox-exporter is not installed: its row is left out'
        : `blackbox_exporter ${blackbox.version}`,
    ];
    const text = [
      `probes: ${NAMES} names and certificates, chain of 3, ${CONCURRENCY} at a time; medians of ${CPU_ROUNDS} rounds for CPU, of ${RATE_ROUNDS} for rates`,
      `  servers: ${farm.kind}; Node ${process.versions.node}; ${others.join('; ')}`,
      CAN_PIN
        ? '  CPU: who scans on one core, who serves on the other; rates: all on both'
        : '  nothing is kept to a core: there is no taskset, or no second core',
    ];
    for (const key of KEY_TYPES) {
      for (const version of VERSIONS) text.push(...(await benchServer(field, key, version)));
    }
    // Apart and last: the code that all ways share is compiled anew when the TLS library comes in between.
    text.push(...(await benchFull(field)), ...(await compareWhatIsSeen(field)));
    text.push(`  tlsx: ${textAboutReleased(TLSX, folder)}`);
    return text.join('\n');
  } finally {
    await scanner.close();
    pin(process.pid, ANYWHERE);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function benchServer(field: Field, key: KeyType, version: Version): Promise<readonly string[]> {
  const port = field.farm.port(key, version);
  place(field, 'apart');
  for (let round = 0; round < WARM_UP_ROUNDS; round++) await runAll(field, ['hello', 'early', 'thread'], port);
  const { go, blackbox } = field;
  const forCpu: readonly Contender[] = [
    'hello',
    ...(go === undefined ? [] : (['go'] as const)),
    'early',
    'thread',
    ...(go === undefined ? [] : (['goDefault'] as const)),
    ...(blackbox === undefined ? [] : (['blackbox'] as const)),
  ];
  const cpu = await rounds(CPU_ROUNDS, () => runAll(field, forCpu, port));
  place(field, 'together');
  const forRate: readonly Contender[] = ['hello', ...(go === undefined ? [] : (['goTwo'] as const)), 'early'];
  const rate = await rounds(RATE_ROUNDS, () => runAll(field, forRate, port));
  return [
    ` ${key}, TLS ${version}:`,
    ...forCpu.map((contender) => line(TITLES[contender], median(of(cpu, contender)))),
    ...(go === undefined
      ? []
      : (['hello', 'early'] as const).flatMap((way) => [
          `  ${way}: CPU ${verdict(ratio(cpu, way, 'go', cpuOf), CPU_TARGETS[way][version], 'at most')} of Go, ` +
            `${ratio(cpu, way, 'goDefault', cpuOf).toFixed(2)}x with default groups; ` +
            `rate ${verdict(ratio(rate, way, 'goTwo', rateOf), RATE_TARGETS[way], 'at least')} of Go on both cores`,
        ])),
    `  in the scanner thread: CPU ${verdict(ratio(cpu, 'thread', 'hello', cpuOf), THREAD_TARGET, 'at most')} of the same on the main thread`,
    ...(blackbox === undefined
      ? []
      : [
          `  blackbox_exporter: CPU ${verdict(ratio(cpu, 'blackbox', 'hello', cpuOf), BLACKBOX_TARGET, 'at least')} of hello`,
        ]),
  ];
}

async function benchFull(field: Field): Promise<readonly string[]> {
  place(field, 'apart');
  const text: string[] = [];
  for (const key of KEY_TYPES) {
    const port = field.farm.port(key, '1.3');
    const full = await rounds(RATE_ROUNDS, () => runAll(field, ['full'], port));
    text.push(line(`${TITLES.full}, ${key}, TLS 1.3`, median(of(full, 'full'))));
  }
  return text;
}

/** Whether all three ways see the same at every name, and what the servers said about all of this. */
async function compareWhatIsSeen({ farm }: Field): Promise<readonly string[]> {
  let different = 0;
  for (const key of KEY_TYPES) {
    for (const version of VERSIONS) different += await countDisagreements(probe, farm.port(key, version), farm.names);
  }
  const complaints = farm.complaints().split('\n').filter(Boolean).length;
  return [
    `  hello, early and full agree byte for byte on ${4 * NAMES - different} of ${4 * NAMES} servers; lines in the servers' error log: ${complaints}`,
  ];
}

/** Scanners and servers each on a core of their own, or everything everywhere. */
function place({ farm, go, blackbox }: Field, how: 'apart' | 'together'): void {
  const isApart = how === 'apart';
  for (const processId of [process.pid, go?.processId, blackbox?.processId]) {
    pin(processId, isApart ? SCANNER : ANYWHERE);
  }
  pin(farm.processId, isApart ? SERVER : ANYWHERE);
}

async function rounds(count: number, once: () => Promise<Round>): Promise<readonly Round[]> {
  const all: Round[] = [];
  for (let round = 0; round < count; round++) all.push(await once());
  return all;
}

async function runAll(field: Field, contenders: readonly Contender[], port: number): Promise<Round> {
  const round: Round = {};
  for (const contender of contenders) round[contender] = await run(field, contender, port);
  return round;
}

async function run({ farm, scanner, go, blackbox }: Field, contender: Contender, port: number): Promise<Measure> {
  const { names } = farm;
  const few = names.slice(0, FEW_NAMES);
  const common = { port, concurrency: CONCURRENCY };
  switch (contender) {
    case 'hello':
    case 'early':
      return checked(await scan({ ...common, names, probe, handshake: contender }), names);
    case 'full':
      return checked(await scan({ ...common, names: few, probe, handshake: contender }), few);
    case 'thread':
      return checked(await scan({ ...common, names, probe: scanner.probe, handshake: 'hello' }), names);
    case 'blackbox':
      if (blackbox === undefined) throw new Error('there is no blackbox_exporter');
      return checked(await blackbox.scan(port, few, CONCURRENCY), few);
    case 'go':
    case 'goDefault':
    case 'goTwo': {
      if (go === undefined) throw new Error('there is no Go');
      const x25519Only = contender !== 'goDefault';
      const processors = contender === 'goTwo' ? 2 : 1;
      return checked(await go.scan({ ...common, names, x25519Only, processors }), names);
    }
  }
}

function checked(one: Measure, { length }: readonly string[]): Measure {
  if (one.items !== length) throw new Error(`${length - one.items} of ${length} probes showed no chain of 3`);
  return one;
}

function of(all: readonly Round[], contender: Contender): readonly Measure[] {
  return all.flatMap((round) => round[contender] ?? []);
}

/** The median of the ratios of the rounds. */
function ratio(
  all: readonly Round[],
  one: Contender,
  other: Contender,
  what: (measured: Measure | undefined) => number,
): number {
  const ratios = all.map((round) => what(round[one]) / what(round[other]));
  return ratios.toSorted((a, b) => a - b)[Math.floor(ratios.length / 2)] ?? Number.NaN;
}

function verdict(value: number, target: number, how: 'at most' | 'at least'): string {
  const isMet = how === 'at most' ? value <= target : value >= target;
  return `${value.toFixed(2)}x (target ${how} ${target}x: ${isMet ? 'met' : 'missed'})`;
}

function cpuOf(one: Measure | undefined): number {
  return one === undefined ? Number.NaN : one.cpuMs / one.items;
}

function rateOf(one: Measure | undefined): number {
  return one === undefined ? Number.NaN : one.items / one.wallMs;
}
