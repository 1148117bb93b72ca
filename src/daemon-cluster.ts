import { hash } from 'node:crypto';
import { hostname } from 'node:os';

import type { Config } from './config/config.ts';
import { baseName } from './plugin/source-name.ts';
import { createLeases, type Leases } from './engine/leases.ts';
import type { Engine } from './engine/engine.ts';
import { intervalOf } from './engine/interval.ts';
import { createLocalEngine, type LocalEngineParts } from './engine/local.ts';
import { createPostgresEngine } from './engine/postgres.ts';
import type { KnownNode, NodeReport, NodeRole } from './engine/nodes.ts';
import { startLoop, type Loop } from './engine/loop.ts';
import { LostTrackError, type Following } from './look/following.ts';
import type { Looking } from './look/looking.ts';
import type { Witness } from './look/judge.ts';
import type { Clock } from './plugin/context.ts';
import type { Logger } from './plugin/logger.ts';
import type { Turn } from './notify/deliver.ts';
import type { SharedStore, Store } from './store/store.ts';

/** Which node of a cluster this process is. */
export interface NodeOptions {
  readonly name: string;
  readonly role: NodeRole;
  readonly zone?: string;
}

export interface SeatParts {
  readonly shared: SharedStore;
  readonly store: Pick<Store, 'dueTimes'>;
  readonly node: NodeOptions;
  /** The config in force now. */
  config(): Config;
  /** This machine's own clock. */
  readonly machine: Clock;
  readonly log: Logger;
}

/** The place of this process in a cluster. */
export interface Seat {
  readonly node: NodeOptions;
  readonly works: boolean;
  /** Zones whose sources this node looks at: its own, and that of where it stands. */
  readonly zones: readonly string[];
  /** The time of the database: the same for all nodes, whatever their own clocks say. */
  readonly clock: Clock;
  readonly leases: Leases;
  /** Whether no other node had this config when this one came: what it says of what is known is judged anew. */
  readonly bringsConfig: boolean;
  /** How many nodes look at things, this one included. */
  workers(): number;
  /** Whether a source of the store is looked at by another node. */
  isElsewhere(source: string): boolean;
  /** From now on says that this node is there, and learns what the others do. `onLost`: it cannot, and must start anew. */
  keepCompany(parts: CompanyParts, onLost: (error: Error) => void): Loop;
  /** Others need not wait for what this node held. */
  leave(): Promise<void>;
}

export interface CompanyParts {
  readonly following: Following;
  readonly looking: Pick<Looking, 'refresh'>;
  readonly witness: Witness;
}

/** A node says so often that it is there. */
const SEEN_EVERY_MS = 3_000;
/** Clocks that differ by less are left as they are, milliseconds; by more, it is said. */
const SKEW_LEFT_MS = 250;
const SKEW_TOLD_MS = 2_000;
/** How long it is remembered who changed what. A node that was away for longer starts anew. */
const CHANGES_KEPT_MS = 24 * 3_600_000;
const PRUNE_EVERY_MS = 600_000;
/** What others have looked at is taken in this often: only the times of looks wait for it. */
const LOOKS_EVERY_MS = 15_000;

/** Takes a place: from here on the others know of it. Throws when the database does not answer. */
export async function takeSeat({ shared, store, node, config, machine, log }: SeatParts): Promise<Seat> {
  let offsetMs = 0;
  let alive: readonly KnownNode[] = [];
  let told = '';
  let prunedAt = 0;
  let looksAt = 0;
  const clock: Clock = { now: () => machine.now() + offsetMs };
  const startedAt = machine.now();
  const leases = createLeases(store.dueTimes, clock);

  async function report(): Promise<void> {
    const self: NodeReport = { ...node, config: digestOf(config()), startedAt };
    const before = machine.now();
    const { now, alive: seen } = await shared.nodes.report(self);
    const after = machine.now();
    setClock(now - (before + after) / 2, after - before);
    alive = seen;
    tellConflicts();
  }

  /** `doubtMs`: how long the answer took. */
  function setClock(skewMs: number, doubtMs: number): void {
    if (Math.abs(skewMs - offsetMs) <= Math.max(SKEW_LEFT_MS, doubtMs)) return;
    offsetMs = Math.round(skewMs);
    if (Math.abs(offsetMs) >= SKEW_TOLD_MS) {
      log.warn(
        { skewMs: offsetMs },
        'the clock of this machine is not that of the database: the time of the database is used',
      );
    }
  }

  /** Said when it begins, and when it changes. */
  function tellConflicts(): void {
    const others = alive.filter(({ isThis }) => !isThis);
    const own = digestOf(config());
    const namesakes = others.filter(({ name }) => name === node.name).map(({ name }) => name);
    const strangers = others.filter(({ config: theirs }) => theirs !== own).map(({ name }) => name);
    const conflict = JSON.stringify([namesakes, strangers]);
    if (conflict === told) return;
    told = conflict;
    if (namesakes.length > 0) {
      log.warn(
        { node: node.name },
        'another process has the name of this node, or had it a moment ago: give each its own --node',
      );
    }
    if (strangers.length > 0) {
      log.warn(
        { nodes: strangers },
        'these nodes run another config: of each source the newest holds; reload them, or give the two clusters a database each',
      );
    }
  }

  async function tick({ following, looking, witness }: CompanyParts): Promise<void> {
    await report();
    await leases.keep();
    await following.catchUp(shared.changes);
    await looking.refresh();
    const now = clock.now();
    if (now - looksAt >= LOOKS_EVERY_MS) {
      const looks = await shared.changes.looks(looksAt === 0 ? now - LOOKS_EVERY_MS : looksAt - LOOKS_EVERY_MS);
      for (const { at, ids } of looks) witness.touched(ids, at);
      looksAt = now;
    }
    if (now - prunedAt >= PRUNE_EVERY_MS) {
      await shared.changes.prune(now - CHANGES_KEPT_MS);
      prunedAt = now;
    }
  }

  await report();
  const own = digestOf(config());
  const bringsConfig = !alive.some((other) => !other.isThis && other.config === own && other.role !== 'web');
  return {
    node,
    bringsConfig,
    works: node.role !== 'web',
    zones: [zoneOfNode(node.name), ...(node.zone === undefined ? [] : [zoneOf(node.zone)])],
    clock,
    leases,
    workers: () => Math.max(1, alive.filter(({ role }) => role !== 'web').length),

    isElsewhere(source) {
      const base = baseName(source);
      return base !== source && config().sources.some(({ name }) => name === base);
    },

    keepCompany: (parts, onLost) =>
      startLoop(() => tick(parts).then(() => undefined), {
        now: machine.now,
        atMostMs: SEEN_EVERY_MS,
        onError(error) {
          log.error({ error }, 'this node does not know how the others are; it is tried again');
          if (error instanceof LostTrackError) onLost(error);
        },
      }),

    async leave() {
      try {
        await leases.release();
        await shared.nodes.leave(node.name);
      } catch (error) {
        log.warn({ error }, 'the other nodes do not know that this one stops: they wait for it a while');
      }
    },
  };
}

/** The queue of what only this node can look at. */
export function zoneOfNode(name: string): string {
  return `node.${name}`;
}

export function zoneOf(zone: string): string {
  return `zone.${zone}`;
}

/** What must be the same on every node. */
export function digestOf({ sources, channels, routes, policy, trust }: Config): string {
  const plain = sources.map(({ collector, ...source }) => ({ ...source, type: collector.type }));
  const named = channels.map(({ channel, ...rest }) => ({ ...rest, type: channel.type }));
  const patches = [...policy.sources];
  return hash('sha256', JSON.stringify([plain, named, routes, policy, patches, trust])).slice(0, 16);
}

/** The seat of this process, where the store is one that nodes share. */
export async function seatOf(
  store: Store,
  machine: Clock,
  parts: { readonly node?: NodeOptions; readonly log: Logger },
  config: () => Config,
): Promise<Seat | undefined> {
  if (store.cluster === undefined) return undefined;
  const node = parts.node ?? { name: hostname(), role: 'all' };
  return takeSeat({ shared: store.cluster, store, node, config, machine, log: parts.log });
}

/** Each channel is served by one node at a time. */
export function deliveryTurn(leases: Leases): Turn {
  const nameOf = (channel: string): string => `channel ${channel}`;
  return { hold: (channel) => leases.hold(nameOf(channel)), isHeld: (channel) => leases.isHeld(nameOf(channel)) };
}

/** Of a source that other nodes look at. */
export function intervalElsewhere({ sources }: Config, name: string): number | undefined {
  const source = sources.find((candidate) => candidate.name === baseName(name));
  return source === undefined ? undefined : intervalOf(source.schedule);
}

/** The engine of this process: one of its own, or one that shares its work with those of the other nodes. */
export function createEngine(
  address: string,
  store: Store,
  seat: Seat | undefined,
  parts: Omit<LocalEngineParts, 'dueTimes'>,
): Engine {
  const { dueTimes, fences } = store;
  if (seat === undefined) return createLocalEngine({ ...parts, dueTimes });
  return createPostgresEngine({ ...parts, url: address, dueTimes, fences, node: seat.node.name, works: seat.works });
}
