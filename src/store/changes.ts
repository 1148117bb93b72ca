import type { Inquiry } from '../inventory/fact.ts';
import type { Location } from '../inventory/model.ts';
import type { ChangeReader, FactWriter, InventoryWriter } from '../inventory/port.ts';
import type { Access } from './access.ts';
import { chunks } from './bulk.ts';
import { toInquiry } from './facts.ts';
import { createInventoryReader } from './inventory.ts';
import type { ChangeTable, Connection } from './schema.ts';

type Departure = Pick<Location, 'id' | 'source' | 'location'>;
type Asked = readonly [Inquiry['enricher'], string];

/** What one transaction changes of that which other nodes keep in memory. */
export interface ChangeLog {
  /** The same writer, whose changes are noted. */
  inventory(writer: InventoryWriter): InventoryWriter;
  facts(writer: FactWriter): FactWriter;
  /** Writes down what was changed, as the next revision. Before the commit. */
  close(): Promise<void>;
}

export interface ChangeLogParts {
  /** The last, of which the caller holds the lock. */
  readonly revision: number;
  readonly now: number;
  readonly node: string;
}

export function openChangeLog(db: Connection, { revision, now, node }: ChangeLogParts): ChangeLog {
  const locations = new Set<number>();
  const departures: Departure[] = [];
  const inquiries = new Map<string, Asked>();

  function noteAsked(enricher: Asked[0], subject: string): void {
    inquiries.set(`${enricher}\n${subject}`, [enricher, subject]);
  }

  return {
    inventory: (writer) => ({
      ...writer,
      async saveLocations(writes) {
        const saved = await writer.saveLocations(writes);
        // Nobody keeps the times of a look.
        for (const [index, { id }] of saved.entries()) if (writes[index]?.touchOnly !== true) locations.add(id);
        return saved;
      },
      async withdrawLocations(ids, at) {
        for (const some of chunks(ids)) {
          const rows = await db
            .selectFrom('locations')
            .select(['id', 'source', 'location'])
            .where('id', 'in', some)
            .execute();
          departures.push(...rows);
        }
        await writer.withdrawLocations(ids, at);
      },
    }),

    facts: (writer) => ({
      ...writer,
      async saveInquiries(saved) {
        for (const { enricher, subject } of saved) noteAsked(enricher, subject);
        await writer.saveInquiries(saved);
      },
      async forgetInquiries(enricher, subjects) {
        for (const subject of subjects) noteAsked(enricher, subject);
        await writer.forgetInquiries(enricher, subjects);
      },
    }),

    async close() {
      const rows: (readonly [ChangeTable['kind'], unknown])[] = [
        ...[...locations].map((id) => ['location', id] as const),
        ...departures.map((departure) => ['departure', departure] as const),
        ...[...inquiries.values()].map((asked) => ['inquiry', asked] as const),
      ];
      if (rows.length === 0) return;
      const next = revision + 1;
      await db.updateTable('writer').set({ revision: next }).where('id', '=', 1).execute();
      for (const some of chunks(rows)) {
        await db
          .insertInto('changes')
          .values(some.map(([kind, key]) => ({ revision: next, node, kind, key: JSON.stringify(key), at: now })))
          .execute();
      }
    },
  };
}

/** `known`: the last revision, where the caller has read it anyway. */
export function createChangeReader(access: Access, node: string, known?: number): ChangeReader {
  return {
    revision: () => (known === undefined ? access.read(lastRevision) : Promise.resolve(known)),

    since: (revision) =>
      access.read(async (db) => {
        const last = known ?? (await lastRevision(db));
        if (last === revision) return { revision, locations: [], departed: [], inquiries: [], forgotten: [] };
        if (!(await isKept(db, revision))) return undefined;
        const rows = await db
          .selectFrom('changes')
          .select(['kind', 'key'])
          .where('revision', '>', revision)
          .where('revision', '<=', last)
          .where('node', '<>', node)
          .execute();
        return { revision: last, ...(await changed(db, rows)) };
      }),

    looks: (after) =>
      access.read(async (db) => {
        const rows = await db
          .selectFrom('locations')
          .select(['id', 'last_success_at as at'])
          .where('last_success_at', '>', after)
          .where('withdrawn_at', 'is', null)
          .execute();
        const byTime = Map.groupBy(rows, ({ at }) => at ?? 0);
        return [...byTime].map(([at, group]) => ({ at, ids: group.map(({ id }) => id) }));
      }),

    prune: (before) =>
      access.write(async (db) => {
        await db.deleteFrom('changes').where('at', '<', before).execute();
      }),
  };
}

async function lastRevision(db: Connection): Promise<number> {
  const row = await db.selectFrom('writer').select('revision').where('id', '=', 1).executeTakeFirst();
  return row?.revision ?? 0;
}

async function isKept(db: Connection, revision: number): Promise<boolean> {
  const oldest = await db
    .selectFrom('changes')
    .select((eb) => eb.fn.min('revision').as('revision'))
    .executeTakeFirst();
  return oldest !== undefined && oldest.revision !== null && oldest.revision <= revision + 1;
}

async function changed(
  db: Connection,
  rows: readonly Pick<ChangeTable, 'kind' | 'key'>[],
): Promise<{
  readonly locations: readonly Location[];
  readonly departed: readonly Departure[];
  readonly inquiries: readonly Inquiry[];
  readonly forgotten: readonly Pick<Inquiry, 'enricher' | 'subject'>[];
}> {
  const ids = new Set<number>();
  const departed = new Map<number, Departure>();
  const asked = new Map<string, Asked>();
  for (const { kind, key } of rows) {
    const name = JSON.parse(key) as unknown;
    switch (kind) {
      case 'location':
        ids.add(name as number);
        break;
      case 'departure': {
        const departure = name as Departure;
        departed.set(departure.id, departure);
        break;
      }
      case 'inquiry':
        asked.set(key, name as Asked);
        break;
    }
  }
  const here = <Result>(work: (on: Connection) => Promise<Result>): Promise<Result> => work(db);
  const inside: Access = { read: here, write: here, urgent: here, single: here };
  const all = [...new Set([...ids, ...departed.keys()])];
  const locations = all.length === 0 ? [] : await createInventoryReader(inside).locations({ ids: all });
  // One that came back is there.
  for (const { id } of locations) departed.delete(id);
  const inquiries = await inquiriesOf(db, [...asked.values()]);
  const known = new Set(inquiries.map(({ enricher, subject }) => `${enricher}\n${subject}`));
  return {
    locations,
    departed: [...departed.values()],
    inquiries,
    forgotten: [...asked.values()].flatMap(([enricher, subject]) =>
      known.has(`${enricher}\n${subject}`) ? [] : [{ enricher, subject }],
    ),
  };
}

async function inquiriesOf(db: Connection, asked: readonly Asked[]): Promise<readonly Inquiry[]> {
  const found: Inquiry[] = [];
  for (const some of chunks([...new Set(asked.map(([, subject]) => subject))])) {
    const rows = await db.selectFrom('facts').selectAll().where('subject', 'in', some).execute();
    for (const row of rows) found.push(toInquiry(row));
  }
  return found;
}
