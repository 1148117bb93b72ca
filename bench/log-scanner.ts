import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';

import { accessLog } from '../collectors/access-log/index.ts';
import { benchContext, measure, type Measure } from './measure.ts';

export interface LogScan {
  readonly log: string;
  readonly maxClients: number;
}

export type LogScanAnswer = Measure & {
  readonly clients: number;
  readonly peakMib: number;
  readonly longestBlockMs: number;
};

async function scan({ log, maxClients }: LogScan): Promise<LogScanAnswer> {
  let clients = 0;
  let lines = 0;
  const context = {
    ...benchContext(),
    log: {
      debug(fields: object) {
        if ('lines' in fields && typeof fields.lines === 'number') lines = fields.lines;
      },
      info() {},
      warn() {},
      error() {},
    },
  };
  const given = accessLog.options.parse({ format: 'nginx', paths: [log], max_clients: maxClients });
  const instance = await accessLog.create(given, context);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const measured = await measure(async () => {
    const known = { version: () => undefined, checkpoint: undefined };
    const signal = new AbortController().signal;
    for await (const observation of instance.observe({ key: log, data: { log } }, known, signal)) {
      if (observation.items.length > 0) clients += 1;
    }
    return lines;
  });
  delay.disable();
  return {
    ...measured,
    clients,
    peakMib: Math.round(process.resourceUsage().maxRSS / 1024),
    longestBlockMs: delay.max / 1e6,
  };
}

for await (const request of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await scan(JSON.parse(request) as LogScan))}\n`);
}
