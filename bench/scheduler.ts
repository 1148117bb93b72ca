/*
 * node bench/scheduler.ts [--targets N] [--every SECONDS] [--nodes N] [--sources N]
 *
 * A discrete simulation of how a cluster gets through its rounds: sources fall due, their targets are cut into shares, nodes
 * take shares, look, and record each in one transaction, of which there is one at a time over all nodes. Unit costs are
 * those that `npm run bench -- cluster` measured; what it prints is in docs/reference/scale.md. Without arguments: all of
 * that page.
 */
import { parseArgs } from 'node:util';

/** Measured; see docs/reference/scale.md. */
const UNIT = {
  /** CPU of a node for one look at an unchanged endpoint, from the queue to the commit. */
  lookUs: 850,
  /** CPU of the database for the same. */
  databaseUs: 300,
  /** How long a share of unchanged looks holds the writer's lock: two transactions. */
  holdMs: 120,
  /** The same for each look that shows something new. */
  newHoldMs: 4,
  /** Statements for one share: queue, reading, recording. */
  statementsPerShare: 22,
  /** What a location with its sightings takes in the database, and in the memory of each node. */
  storedBytes: 9_300,
  memoryBytes: 1_000,
  /** Series of /metrics for one endpoint. */
  series: 8,
} as const;

const SHARE = 500;
const SHARES_AT_ONCE = 2;
const LOOKS_AT_ONCE = 64;
/** A look waits for the network so long, milliseconds. */
const NETWORK_MS = 60;
/** Of all looks, those that show something new: certificates that live 90 days, looked at once an hour, and what flaps. */
const NEW_SHARE = 1 / 1_000;
/** Cores that a node has for looking: one thread. */
const CORES_PER_NODE = 1;

interface Plan {
  readonly targets: number;
  readonly everyS: number;
  readonly nodes: number;
  readonly sources: number;
}

interface Outcome {
  readonly plan: Plan;
  readonly looksPerS: number;
  /** How busy the nodes are, and the writer's lock, 0 to 1 and beyond where work piles up. */
  readonly nodeLoad: number;
  readonly writerLoad: number;
  /** From the due time to the record of a target, seconds. */
  readonly lagS: { readonly median: number; readonly p99: number; readonly longest: number };
  /** Share of the due rounds that were left out because the one before was still under way. */
  readonly leftOut: number;
}

/** A queue in which the earliest comes first. */
function createAgenda<T>(): { add(at: number, what: T): void; next(): { at: number; what: T } | undefined } {
  const heap: { at: number; what: T }[] = [];
  const swap = (a: number, b: number): void => {
    const [one, other] = [heap[a], heap[b]];
    if (one !== undefined && other !== undefined) [heap[a], heap[b]] = [other, one];
  };
  const at = (index: number): number => heap[index]?.at ?? Infinity;
  return {
    add(time, what) {
      heap.push({ at: time, what });
      for (let index = heap.length - 1; index > 0;) {
        const parent = (index - 1) >> 1;
        if (at(parent) <= at(index)) break;
        swap(parent, index);
        index = parent;
      }
    },
    next() {
      const [first] = heap;
      const last = heap.pop();
      if (first !== undefined && last !== undefined && heap.length > 0) {
        heap[0] = last;
        for (let index = 0; ;) {
          const child = at(2 * index + 1) <= at(2 * index + 2) ? 2 * index + 1 : 2 * index + 2;
          if (at(child) >= at(index)) break;
          swap(child, index);
          index = child;
        }
      }
      return first;
    },
  };
}

/** Three intervals; the first fills the queues and is not counted. */
export function simulate(plan: Plan): Outcome {
  const { targets, everyS, nodes, sources } = plan;
  const perSource = Math.ceil(targets / sources);
  const sharesOf = Math.ceil(perSource / SHARE);
  const size = Math.ceil(perSource / sharesOf);
  const lookS = (size * UNIT.lookUs) / 1e6 / CORES_PER_NODE;
  const waitS = (Math.ceil(size / LOOKS_AT_ONCE) * NETWORK_MS) / 1e3;
  const holdS = (UNIT.holdMs + size * NEW_SHARE * UNIT.newHoldMs) / 1e3;
  const agenda = createAgenda<{ readonly kind: 'due' | 'looked'; readonly id: number }>();
  const waiting: { readonly source: number; readonly dueAt: number }[] = [];
  let head = 0;
  const freeAt = new Float64Array(nodes);
  const hands = new Int32Array(nodes);
  const left = new Int32Array(sources);
  const working = new Map<number, { readonly source: number; readonly dueAt: number; readonly node: number }>();
  let writerFreeAt = 0;
  let [due, leftOut, busyS, heldS, ids] = [0, 0, 0, 0, 0];
  const lags: number[] = [];
  const endS = 3 * everyS;
  for (let source = 0; source < sources; source++) agenda.add((source / sources) * everyS, { kind: 'due', id: source });

  function handOut(now: number): void {
    for (let node = 0; node < nodes && head < waiting.length; node++) {
      while ((hands[node] ?? 0) < SHARES_AT_ONCE && head < waiting.length) {
        const share = waiting[head++];
        if (share === undefined) return;
        hands[node] = (hands[node] ?? 0) + 1;
        // The node's one thread does the looks of its shares in turn; the network is waited for beside it.
        const begun = Math.max(now, freeAt[node] ?? 0);
        freeAt[node] = begun + lookS;
        busyS += lookS;
        const id = ids++;
        working.set(id, { ...share, node });
        agenda.add(Math.max(begun + lookS, now + waitS), { kind: 'looked', id });
      }
    }
    if (head > 100_000) {
      waiting.splice(0, head);
      head = 0;
    }
  }

  for (let event = agenda.next(); event !== undefined && event.at < endS; event = agenda.next()) {
    const { at: now, what } = event;
    if (what.kind === 'due') {
      due += 1;
      agenda.add(now + everyS, what);
      // Shares that are still queued are not queued twice.
      if ((left[what.id] ?? 0) > 0) leftOut += 1;
      else {
        left[what.id] = sharesOf;
        for (let share = 0; share < sharesOf; share++) waiting.push({ source: what.id, dueAt: now });
      }
    } else {
      const share = working.get(what.id);
      if (share !== undefined) {
        working.delete(what.id);
        const recordedAt = Math.max(now, writerFreeAt) + holdS;
        writerFreeAt = recordedAt;
        heldS += holdS;
        left[share.source] = (left[share.source] ?? 0) - 1;
        hands[share.node] = (hands[share.node] ?? 0) - 1;
        if (share.dueAt >= everyS) lags.push(recordedAt - share.dueAt);
      }
    }
    handOut(now);
  }
  lags.sort((a, b) => a - b);
  const quantile = (part: number): number =>
    lags[Math.min(lags.length - 1, Math.floor(part * lags.length))] ?? Infinity;
  return {
    plan,
    looksPerS: targets / everyS,
    nodeLoad: busyS / (nodes * endS),
    writerLoad: heldS / endS,
    lagS: { median: quantile(0.5), p99: quantile(0.99), longest: lags.at(-1) ?? Infinity },
    leftOut: leftOut / due,
  };
}

/** Nodes that are busy for two thirds of the time. */
function nodesFor(targets: number, everyS: number): number {
  return Math.max(1, Math.ceil(((targets / everyS) * UNIT.lookUs) / 1e6 / CORES_PER_NODE / 0.66));
}

function row({ plan, looksPerS, nodeLoad, writerLoad, lagS, leftOut }: Outcome): string {
  const { targets, everyS, nodes } = plan;
  const number = (value: number, digits = 0): string =>
    value.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits });
  const cells = [
    number(targets),
    `${number(everyS / 3600, everyS % 3600 === 0 ? 0 : 1)} h`,
    number(looksPerS),
    number(nodes),
    `${number(nodeLoad * 100)} %`,
    `${number(writerLoad * 100)} %`,
    number((looksPerS / SHARE) * UNIT.statementsPerShare),
    number((looksPerS * UNIT.databaseUs) / 1e6, 1),
    `${number((targets * UNIT.storedBytes) / 1e9)} GB`,
    `${number((targets * UNIT.memoryBytes) / 1e9, 1)} GB`,
    number(targets * UNIT.series),
    `${number(lagS.median)} / ${number(lagS.p99)} s`,
    `${number(leftOut * 100)} %`,
  ];
  return `| ${cells.join(' | ')} |`;
}

const { values } = parseArgs({
  options: {
    targets: { type: 'string' },
    every: { type: 'string' },
    nodes: { type: 'string' },
    sources: { type: 'string' },
  },
});
const plans: readonly Plan[] =
  values.targets === undefined
    ? [
        [1e6, 3_600],
        [1e6, 86_400],
        [1e7, 3_600],
        [1e7, 86_400],
        [1e8, 86_400],
      ].map(([targets = 0, everyS = 0]) => ({
        targets,
        everyS,
        nodes: nodesFor(targets, everyS),
        sources: Math.ceil(targets / 10_000),
      }))
    : [
        {
          targets: Number(values.targets),
          everyS: Number(values.every ?? 3_600),
          nodes: Number(values.nodes ?? nodesFor(Number(values.targets), Number(values.every ?? 3_600))),
          sources: Number(values.sources ?? Math.ceil(Number(values.targets) / 10_000)),
        },
      ];
const heads = [
  'targets',
  'every',
  'looks/s',
  'nodes',
  'busy',
  'writer busy',
  'statements/s',
  'database cores',
  'stored',
  'memory of each node',
  'series',
  'due to recorded, median / 99 of 100',
  'rounds left out',
];
process.stdout.write(`| ${heads.join(' | ')} |\n| ${heads.map(() => '---').join(' | ')} |\n`);
for (const plan of plans) process.stdout.write(`${row(simulate(plan))}\n`);
