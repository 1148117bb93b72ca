import { PeriodError, parsePeriod } from '../../policy/period.ts';
import { z } from 'zod';

import { forecastPageJson } from '../forecast.ts';
import { createForecasts } from '../forecasts.ts';
import type { WebParts } from '../parts.ts';
import { endpoint, Refusal, type Endpoint } from './endpoint.ts';
import { iso } from './item-json.ts';
import { paging } from './lists.ts';
import { forecastPage, status } from './schemas.ts';

type StatusParts = Pick<
  WebParts,
  'catalogue' | 'inventory' | 'desk' | 'outbox' | 'version' | 'notReady' | 'forecast' | 'testChannel' | 'now'
>;

const instant = z.string().max(100).optional();

export function statusEndpoints(parts: StatusParts): readonly Endpoint[] {
  const forecasts = createForecasts(parts.now);
  return [
    endpoint({
      method: 'get',
      path: '/api/v1/status',
      name: 'getStatus',
      summary: 'How notafter itself is',
      answer: status,
      status: 200,
      handle: () => statusJson(parts),
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/forecast',
      name: 'getForecast',
      summary: 'What will be wrong within a time to come, if nobody does anything',
      query: {
        at: instant.describe('One moment: a date, or a time from now such as 30d.'),
        from: instant.describe('Default: now.'),
        until: instant.describe('That day included. Default: 90d after the start.'),
        ...paging,
      },
      answer: forecastPage,
      status: 200,
      problems: [503],
      async handle({ query: { limit, after, ...asked } }) {
        try {
          const period = parsePeriod(asked, parts.now());
          const found = await forecasts.get(asked, () => parts.forecast(period));
          if (found === 'busy') throw new Refusal(503, 'too many forecasts are asked for at once; ask again');
          return forecastPageJson(found, { limit, after });
        } catch (error) {
          if (error instanceof PeriodError) throw new Refusal(400, error.message);
          throw error;
        }
      },
    }),
    endpoint({
      method: 'post',
      path: '/api/v1/channels/{name}/test',
      name: 'testChannel',
      summary: 'Send a test notification',
      params: { name: z.string().max(500) },
      answer: z.object({ ok: z.boolean(), lines: z.array(z.string()) }),
      status: 200,
      problems: [403],
      failures: [404, 502],
      async handle({ params: { name }, context }) {
        const result = await parts.testChannel(name);
        if (result === undefined) return context.json({ ok: false, lines: ['there is no such channel'] }, 404);
        return context.json({ ok: result.ok, lines: [...result.lines] }, result.ok ? 200 : 502);
      },
    }),
  ];
}

export async function statusJson(parts: StatusParts): Promise<z.input<typeof status>> {
  const [sources, counts, alerts, oldest, failed] = await Promise.all([
    parts.inventory.sources(),
    parts.catalogue.counts(),
    parts.desk.alerts({ state: 'open' }),
    parts.outbox.oldestPendingAt(),
    parts.outbox.failed(),
  ]);
  const countOf = (wanted: string): number => alerts.filter(({ standing }) => standing.severity === wanted).length;
  const notReady = parts.notReady();
  return {
    version: parts.version,
    ready: notReady.length === 0,
    not_ready: [...notReady],
    alerts: { critical: countOf('critical'), warning: countOf('warning'), info: countOf('info') },
    outbox_oldest: iso(oldest),
    given_up: failed.length,
    sources: sources.map((source) => {
      const own = counts.find((count) => count.source === source.name);
      return {
        name: source.name,
        type: source.type,
        interval_seconds: source.intervalMs / 1000,
        first_round_ended: iso(source.baselineAt),
        locations: own?.locations ?? 0,
        failed: own?.failed ?? 0,
      };
    }),
  };
}
