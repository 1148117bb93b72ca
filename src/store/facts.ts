import type { Inquiry } from '../inventory/fact.ts';
import type { KnownCertificate } from '../inventory/model.ts';
import type { FactReader, FactWriter } from '../inventory/port.ts';
import type { Access } from './access.ts';
import { breathe, chunks } from './bulk.ts';
import { fromJson, toJson } from './json.ts';
import type { FactTable } from './schema.ts';

/** Inquiries read in one statement. */
const PAGE = 5_000;

export function createFactReader(access: Access): FactReader {
  return {
    async inquiries() {
      const found: Inquiry[] = [];
      for (let last: FactTable | undefined; ;) {
        const after = last;
        const rows = await access.read((db) => {
          const query = db.selectFrom('facts').selectAll().orderBy('subject').orderBy('enricher').limit(PAGE);
          if (after === undefined) return query.execute();
          const { subject, enricher } = after;
          return query
            .where((eb) =>
              eb.or([
                eb('subject', '>', subject),
                eb.and([eb('subject', '=', subject), eb('enricher', '>', enricher)]),
              ]),
            )
            .execute();
        });
        for (const row of rows) found.push(toInquiry(row));
        last = rows.at(-1);
        if (rows.length < PAGE) return found;
        await breathe();
      }
    },

    currentCertificates: (after, limit) =>
      access.read(async (db) => {
        const rows = await db
          .selectFrom('items')
          .select(['id', 'facts_json'])
          .where('kind', '=', 'certificate')
          .where('id', '>', after)
          .where((eb) =>
            eb.exists(
              eb
                .selectFrom('sightings')
                .select('sightings.id')
                .whereRef('sightings.item_id', '=', 'items.id')
                .where('sightings.ended_at', 'is', null),
            ),
          )
          .orderBy('id')
          .limit(limit)
          .execute();
        const last = rows.at(-1);
        return {
          certificates: rows.map((row) => fromJson(row.facts_json) as KnownCertificate),
          cursor: last?.id ?? after,
          more: rows.length === limit,
        };
      }),

    locationsHolding: (fingerprints) =>
      access.read(async (db) => {
        const ids = new Set<number>();
        for (const some of chunks(fingerprints)) {
          const rows = await db
            .selectFrom('sightings')
            .innerJoin('items', 'items.id', 'sightings.item_id')
            .select('sightings.location_id')
            .distinct()
            .where('items.kind', '=', 'certificate')
            .where('items.identity', 'in', some)
            .where('sightings.ended_at', 'is', null)
            .execute();
          for (const row of rows) ids.add(row.location_id);
        }
        return [...ids].toSorted((a, b) => a - b);
      }),

    firstLocation: () =>
      access.read(async (db) => {
        const row = await db
          .selectFrom('locations')
          .select((eb) => eb.fn.min('id').as('id'))
          .where('withdrawn_at', 'is', null)
          .executeTakeFirst();
        return row?.id ?? undefined;
      }),
  };
}

export function createFactWriter(access: Access): FactWriter {
  return {
    ...createFactReader(access),

    saveInquiries: (inquiries) =>
      access.write(async (db) => {
        for (const some of chunks(inquiries)) {
          await db
            .insertInto('facts')
            .values(some.map(toRow))
            .onConflict((conflict) =>
              conflict.columns(['subject', 'enricher']).doUpdateSet((eb) => ({
                fact_json: eb.ref('excluded.fact_json'),
                asked_at: eb.ref('excluded.asked_at'),
                ask_again_at: eb.ref('excluded.ask_again_at'),
                failures: eb.ref('excluded.failures'),
                problem: eb.ref('excluded.problem'),
              })),
            )
            .execute();
        }
      }),

    forgetInquiries: (enricher, subjects) =>
      access.write(async (db) => {
        for (const some of chunks(subjects)) {
          await db.deleteFrom('facts').where('enricher', '=', enricher).where('subject', 'in', some).execute();
        }
      }),
  };
}

function toRow(inquiry: Inquiry): FactTable {
  return {
    enricher: inquiry.enricher,
    subject: inquiry.subject,
    fact_json: inquiry.fact === undefined ? null : toJson(inquiry.fact),
    asked_at: inquiry.askedAt,
    ask_again_at: inquiry.askAgainAt,
    failures: inquiry.failures,
    problem: inquiry.problem ?? null,
  };
}

export function toInquiry(row: FactTable): Inquiry {
  return {
    enricher: row.enricher,
    subject: row.subject,
    ...(row.fact_json === null ? {} : { fact: fromJson(row.fact_json) }),
    askedAt: row.asked_at,
    askAgainAt: row.ask_again_at,
    failures: row.failures,
    ...(row.problem === null ? {} : { problem: row.problem }),
  };
}
