import { z } from 'zod';

/** What a header may hold here; no line ends, which would begin another one. */
const value = z.string().regex(/^[\x20-\x7e]{0,4096}$/, 'printable ASCII on one line, at most 4096 characters');

/**
 * The headers that exporter-toolkit's web configuration knows, and no others; a blank one is left as notafter sends it.
 * See https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
 */
const headers = z.strictObject({
  'Content-Security-Policy': value
    .optional()
    .describe("Instead of notafter's own, which allows scripts and styles of its own origin alone."),
  'X-Frame-Options': z
    .string()
    .regex(/^(?:deny|sameorigin)?$/i, 'deny or sameorigin')
    .optional()
    .describe('deny or sameorigin (the default).'),
  'X-Content-Type-Options': z
    .string()
    .regex(/^(?:nosniff)?$/i, 'nosniff')
    .optional()
    .describe('nosniff: as notafter sends it anyway.'),
  'X-XSS-Protection': value.optional().describe('For old browsers.'),
  'Strict-Transport-Security': z
    .string()
    .regex(
      /^(?:max-age=\d{1,10}(?:; ?includeSubDomains)?(?:; ?preload)?)?$/i,
      'max-age=SECONDS, and perhaps "; includeSubDomains" and "; preload"',
    )
    .optional()
    .describe('Not sent unless it is given: it holds for every port of this host name, and may be for its subdomains.'),
});

export const httpServerSection = z.strictObject({
  http2: z
    .boolean()
    .refine((isWanted) => !isWanted, 'notafter serves HTTP/1.1 alone: leave http2 out, or say false')
    .optional()
    .describe('HTTP/1.1 alone is served; a proxy in front may speak HTTP/2.'),
  headers: headers.optional().describe('Headers of every answer.'),
});

/** Those that are not blank, by name. */
export function headersOf(section: z.output<typeof httpServerSection> | undefined): ReadonlyMap<string, string> {
  const given = Object.entries(section?.headers ?? {});
  return new Map(given.flatMap(([name, own = '']) => (own.trim() === '' ? [] : [[name, own] as const])));
}
