import { takeSurvey } from '../src/look/surveying.ts';
import { createLatest } from '../src/web/latest.ts';
import type { Survey } from '../src/web/parts.ts';
import { createWebStage, NOW } from '../test/helpers/web-stage.ts';
import { fleetLocation } from './policy-fleet.ts';

/** The size that pages are built for. */
const CERTIFICATES = 100_000;
const RUNS = 5;
/** What a page may cost. */
const MAX_MS = 100;
const MAX_BYTES = 100_000;

/** What each page costs over an inventory of 100 000 certificates: time of the server, and bytes before compression. */
export async function benchWeb(): Promise<string> {
  const locations = Array.from({ length: CERTIFICATES }, (_, number) => fleetLocation(number, 1, NOW));
  const kept = new Map<string, Survey>();
  const stage = await createWebStage(locations, {
    survey: async () => kept.get('survey') ?? Promise.reject(new Error('none')),
  });
  try {
    const surveyed = await timed(async () => {
      const latest = createLatest(
        () =>
          takeSurvey({
            inventory: stage.store.inventory,
            view: stage.view,
            policy: stage.policy,
            sources: [...new Set(locations.map(({ source }) => source))],
            now: NOW,
            signal: new AbortController().signal,
          }),
        { now: () => performance.now() },
        () => undefined,
      );
      kept.set('survey', await latest.get());
    });
    const first = locations[4]?.sightings[0]?.item.id ?? '';
    const second = await nextPage(stage.ask);
    const [alert] = await stage.store.alerts.alerts({ state: 'open' });
    const pages: readonly (readonly [string, string])[] = [
      ['Next', '/'],
      ['Certificates', '/certificates'],
      ['Certificates, the second page', second],
      ['Certificates, a word that one has', '/certificates?q=service77777.'],
      ['Certificates, a word that none has', '/certificates?q=nosuchname'],
      ['Certificates, a word that all have', '/certificates?q=example.com&order=name'],
      ['Certificates, all filters', '/certificates?q=team7.&source=web&role=server&owner=team7&until=90d'],
      ['Certificate', `/certificates/${first}`],
      ['Clients', '/clients'],
      ['Coverage', '/coverage'],
      ['Alerts', '/alerts'],
      ['Alert', `/alerts/${alert?.id ?? ''}`],
      ['Runbook', `/runbooks/alerts/${alert?.id ?? ''}`],
      ['API: certificates', '/api/v1/certificates'],
      ['API: locations, a word', '/api/v1/locations?q=host4000'],
      ['API: status', '/api/v1/status'],
      ['Calendar of one owner', '/calendar.ics?owner=team7'],
    ];
    const lines: string[] = [];
    for (const [name, path] of pages) {
      const times: number[] = [];
      let bytes = 0;
      for (let run = 0; run < RUNS; run++) {
        times.push(
          await timed(async () => {
            const answer = await stage.ask(path);
            if (answer.status !== 200) {
              throw new Error(`${path} is answered ${answer.status}: ${answer.text.slice(0, 200)}`);
            }
            bytes = Buffer.byteLength(answer.text);
          }),
        );
      }
      const middle = times.toSorted((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0;
      const isOver = middle > MAX_MS || (bytes > MAX_BYTES && !name.startsWith('API') && !name.startsWith('Calendar'));
      lines.push(
        `  ${name.padEnd(38)} ${middle.toFixed(1).padStart(8)} ms CPU ${(bytes / 1000).toFixed(1).padStart(8)} kB${isOver ? '  over the limit' : ''}`,
      );
    }
    return [
      `web: ${CERTIFICATES.toLocaleString('en')} certificates, the middle of ${RUNS} runs; at most ${MAX_MS} ms and ${MAX_BYTES / 1000} kB`,
      ...lines,
      `  A survey, made behind the pages now and then: ${(surveyed / 1000).toFixed(1)} s CPU`,
    ].join('\n');
  } finally {
    await stage.close();
  }
}

/** CPU of this process, milliseconds. */
async function timed(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function nextPage(ask: (path: string) => Promise<{ readonly text: string }>): Promise<string> {
  const { text } = await ask('/certificates');
  return `/certificates${(/rel="next" href="([^"]*)"/.exec(text)?.[1] ?? '').replaceAll('&amp;', '&')}`;
}
