import { z } from 'zod';

import { csvLines } from './rows.ts';

/* What all lists of the API have in common. */

const MAX_PAGE = 1_000;
const PAGE = 100;

/** What a page of a list is asked for by. */
export const paging = {
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(PAGE).describe(`Of one page; at most ${MAX_PAGE}.`),
  after: z.string().max(4_000).optional().describe('The `next` of the page before.'),
};

export const format = z.enum(['json', 'csv']).default('json').describe('`csv`: all pages in one, for a spreadsheet.');

/** All rows of a list, one by one, as the client takes them. */
export function csvAnswer(name: string, rows: Parameters<typeof csvLines>[0]): Response {
  return new Response(ReadableStream.from(csvLines(rows)).pipeThrough(new TextEncoderStream()), {
    headers: {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="notafter-${name}.csv"`,
      'cache-control': 'no-store',
    },
  });
}
