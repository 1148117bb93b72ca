import type { Context, Hono } from 'hono';

import type { Location } from '../inventory/model.ts';
import type { InventoryReader } from '../inventory/port.ts';
import { mergeLabels, type Labels } from '../label/labels.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { probeExposition } from '../metrics/probe-exposition.ts';
import { labelValue } from '../metrics/label-value.ts';

/** How long an answer may take where the scraper does not say it. */
const DEFAULT_DEADLINE_MS = 10_000;
/** Before the scraper gives up, it should have its answer. */
const HASTE_MS = 500;
const MAX_TARGET = 300;
/** Targets in one answer of `/sd`. */
const MAX_LISTED = 500_000;

type ProbeAnswer =
  | { readonly kind: 'known' | 'looked'; readonly locations: readonly [Location, ...Location[]] }
  | { readonly kind: 'refused' | 'busy' | 'malformed'; readonly detail: string };

export interface PrometheusParts {
  readonly metrics: Metrics;
  readonly inventory: InventoryReader;
  /** What there is to say of a target, from the inventory or by a look. */
  probe(
    request: { readonly target: string; readonly source?: string; readonly deadlineMs: number },
    signal: AbortSignal,
  ): Promise<ProbeAnswer>;
  /** What the config says of everything that a source finds. */
  sourceLabels(source: string): Labels;
}

/** What Prometheus asks for: the exposition, probes in the pattern of several targets, and the targets themselves. */
export function addPrometheus(app: Hono, parts: PrometheusParts): void {
  app.get('/metrics', async (context) => {
    const { contentType, encoding, length, chunks } = await parts.metrics.exposition(tasteOf(context));
    return context.body(streamOf(chunks), 200, {
      'content-type': contentType,
      'content-length': String(length),
      vary: 'accept, accept-encoding',
      ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
    });
  });

  app.get('/probe', async (context) => {
    const startedAt = performance.now();
    const { target = '', source, module: module_ } = context.req.query();
    if (target === '' || target.length > MAX_TARGET) {
      return context.text('give a target: /probe?target=host:port&source=NAME\n', 400);
    }
    const wanted = source ?? module_;
    const answer = await parts.probe(
      { target, ...(wanted === undefined ? {} : { source: wanted }), deadlineMs: deadlineOf(context) },
      context.req.raw.signal,
    );
    switch (answer.kind) {
      case 'known':
      case 'looked': {
        const tookSeconds = Math.round(performance.now() - startedAt) / 1000;
        const { contentType, text } = probeExposition(answer.locations, tookSeconds, tasteOf(context));
        return context.body(text, 200, { 'content-type': contentType, vary: 'accept' });
      }
      case 'malformed':
        return context.text(`${labelValue(answer.detail)}\n`, 400);
      case 'refused':
        return context.text(`${labelValue(answer.detail)}\n`, 403);
      case 'busy':
        return context.text(`${answer.detail}\n`, 503);
    }
  });

  app.get('/sd', async (context) => {
    const { source: wanted, type } = context.req.query();
    const groups: { readonly targets: readonly string[]; readonly labels: Readonly<Record<string, string>> }[] = [];
    for (const source of await parts.inventory.sources()) {
      if (wanted !== undefined && source.name !== wanted) continue;
      if (type !== undefined && source.type !== type) continue;
      for (const { key, labels, data } of await parts.inventory.targets(source.name)) {
        // What stands in for a list that could not be read is no target.
        if (data === null) continue;
        if (groups.length === MAX_LISTED) break;
        const own = mergeLabels(parts.sourceLabels(source.name), labels);
        groups.push({
          targets: [key],
          labels: {
            __meta_notafter_source: source.name,
            __meta_notafter_type: source.type,
            ...Object.fromEntries(
              Object.entries(own).map(([name, value]) => [`__meta_notafter_label_${name}`, labelValue(value)]),
            ),
          },
        });
      }
    }
    return context.json(groups);
  });
}

function tasteOf(context: Context): { accept: string | undefined; acceptEncoding: string | undefined } {
  return { accept: context.req.header('accept'), acceptEncoding: context.req.header('accept-encoding') };
}

/** As the scraper says (https://prometheus.io/docs/guides/multi-target-exporter/), less what the way back takes. */
function deadlineOf(context: Context): number {
  const seconds = Number(context.req.header('x-prometheus-scrape-timeout-seconds') ?? Number.NaN);
  if (!Number.isFinite(seconds) || seconds <= 0) return DEFAULT_DEADLINE_MS;
  return Math.min(DEFAULT_DEADLINE_MS, Math.max(HASTE_MS, seconds * 1000 - HASTE_MS));
}

/** Chunks as they are taken away: nothing is copied into one. */
function streamOf(chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      const chunk = chunks[next++];
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
  });
}
