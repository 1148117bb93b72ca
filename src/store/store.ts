import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';

import type { Kysely } from 'kysely';

import type { DueTimes } from '../engine/due-times.ts';
import type { Fences } from '../engine/fences.ts';
import type { Nodes } from '../engine/nodes.ts';
import type { Catalogue } from '../inventory/catalogue.ts';
import type { ChangeReader, FactReader, FactWriter, InventoryReader, InventoryWriter } from '../inventory/port.ts';
import type { AlertReader, AlertWriter, Outbox } from '../notify/port.ts';
import type { Access } from './access.ts';
import { createAlertMemories } from './alert-memory.ts';
import { createAlertWriter } from './alert-writer.ts';
import { createAlertReader } from './alerts.ts';
import { createCatalogue } from './catalogue.ts';
import { createChangeReader, openChangeLog } from './changes.ts';
import { createNodes } from './nodes.ts';
import { createDueTimes, createFences } from './due-times.ts';
import { createFactReader, createFactWriter } from './facts.ts';
import { createInventoryReader } from './inventory.ts';
import { createInventoryWriter } from './inventory-writer.ts';
import type { Lane } from './lane.ts';
import { createOutbox } from './outbox.ts';
import { prune } from './pruning.ts';
import type { Connection, Database } from './schema.ts';

/** What remembers. The readers see what was committed; each call sees one state, never half of a transition. */
export interface Store {
  readonly inventory: InventoryReader;
  readonly catalogue: Catalogue;
  readonly facts: FactReader;
  readonly alerts: AlertReader;
  readonly outbox: Outbox;
  readonly dueTimes: DueTimes;
  readonly fences: Fences;
  /** Where several nodes share the store. */
  readonly cluster?: SharedStore;
  /**
   * Everything that `work` writes is committed when it resolves, and nothing of it when it throws. `work` awaits only
   * `tx`: nobody else writes meanwhile. Throws when it is called inside another transaction.
   */
  transaction<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T>;
  /** Waits for what is under way, then closes. */
  close(): Promise<void>;
}

/** What a store gives to the nodes that share it. */
export interface SharedStore {
  readonly changes: ChangeReader;
  readonly nodes: Nodes;
}

export interface StoreTransaction {
  readonly inventory: InventoryWriter;
  readonly facts: FactWriter;
  readonly alerts: AlertWriter;
  /** Forgets some of what was over before this time; gives the number of rows. Again while that is not 0. */
  prune(before: number): Promise<number>;
  /** Where several nodes share the store. */
  readonly changes?: ChangeReader;
}

export interface StoreParts {
  readonly db: Kysely<Database>;
  close(): Promise<void>;
  /** How work comes to the database: one after the other where there is a single connection. */
  readonly lane: Lane;
  /** For a database that several nodes share. */
  readonly shared?: SharedParts;
  /** Runs a reader or a small writer, again where that makes sense. */
  readonly patiently?: <T>(work: () => Promise<T>) => Promise<T>;
}

export interface SharedParts {
  /** Makes a transaction the only one that writes, before anything else in it. Gives the last revision and the time. */
  begin(tx: Connection): Promise<{ readonly revision: number; readonly now: number }>;
  /** Names this process in what it changes. */
  readonly node: string;
  /** The time of the database, milliseconds since the epoch. */
  now(db: Connection): Promise<number>;
}

/** Puts the rooms together over one database, whichever it is. */
export function createStore({ db, close, lane, shared, patiently = once }: StoreParts): Store {
  const enclosing = new AsyncLocalStorage<{ open: boolean }>();
  const alertMemories = createAlertMemories(randomUUID());

  /** On a database with one connection this would wait for itself for ever; on others it would miss what `tx` wrote. */
  function refuseInside(what: string): void {
    if (enclosing.getStore()?.open === true) {
      throw new Error(`${what} was used inside transaction(): use what the transaction was given`);
    }
  }

  const access: Access = {
    async read(work) {
      refuseInside('a reader of the store');
      return lane.run(() =>
        patiently(() => db.transaction().setAccessMode('read only').setIsolationLevel('repeatable read').execute(work)),
      );
    },
    async write(work) {
      refuseInside('a writer of the store');
      return lane.run(() => patiently(() => db.transaction().execute(work)));
    },
    async single(work) {
      refuseInside('the store');
      return lane.run(() => patiently(() => work(db)), 'urgent');
    },
    async urgent(work) {
      refuseInside('a writer of the store');
      return lane.run(() => patiently(() => db.transaction().execute(work)), 'urgent');
    },
  };

  return {
    inventory: createInventoryReader(access),
    catalogue: createCatalogue(access),
    facts: createFactReader(access),
    alerts: createAlertReader(access),
    outbox: createOutbox(access),
    ...(shared === undefined
      ? {}
      : {
          cluster: { changes: createChangeReader(access, shared.node), nodes: createNodes(access, shared) },
        }),
    dueTimes: createDueTimes(access),
    fences: createFences(access),

    async transaction(work) {
      refuseInside('transaction()');
      const scope = { open: true };
      const alertMemory = alertMemories.begin();
      try {
        const result = await enclosing.run(scope, () =>
          lane.run(() =>
            db.transaction().execute(async (tx) => {
              const here = <Result>(run: (on: typeof tx) => Promise<Result>): Promise<Result> => run(tx);
              const inside: Access = { read: here, write: here, urgent: here, single: here };
              const writers = { inventory: createInventoryWriter(inside), facts: createFactWriter(inside) };
              const rest = {
                alerts: createAlertWriter(inside, alertMemory),
                prune: (before: number) => prune(tx, before),
              };
              if (shared === undefined) return work({ ...writers, ...rest });
              const { revision, now } = await shared.begin(tx);
              const log = openChangeLog(tx, { revision, now, node: shared.node });
              const done = await work({
                inventory: log.inventory(writers.inventory),
                facts: log.facts(writers.facts),
                ...rest,
                changes: createChangeReader(inside, shared.node, revision),
              });
              await log.close();
              return done;
            }),
          ),
        );
        alertMemory.keep();
        return result;
      } finally {
        scope.open = false;
      }
    },

    close,
  };
}

function once<T>(work: () => Promise<T>): Promise<T> {
  return work();
}
