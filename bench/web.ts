import { emptySurvey, takeSurvey } from '../src/look/surveying.ts';
import { createLatest, type Latest } from '../src/web/latest.ts';
import type { Survey } from '../src/web/parts.ts';
import { createWebStage, NOW, type WebStage } from '../test/helpers/web-stage.ts';
import { fleetLocation } from './policy-fleet.ts';

/** The size that pages are built for. */
const CERTIFICATES = 100_000;
const RUNS = 5;
/** What a page may cost. */
const MAX_MS = 100;
const MAX_BYTES = 100_000;

/**
 * What each page costs over an inventory of 100 000 certificates: time of the server, and bytes before compression. First while
 * the first survey is made, as after a restart: what that takes meanwhile is in the time of the page.
 */
export async function benchWeb(): Promise<string> {
  const locations = Array.from({ length: CERTIFICATES }, (_, number) => fleetLocation(number, 1, NOW));
  const surveys = new Map<string, Latest<Survey>>();
  const stage = await createWebStage(locations, {
    survey: async () => (await surveys.get('latest')?.get()) ?? { value: emptySurvey(NOW) },
  });
  try {
    const { latest, whole, errors } = surveying(stage, [...new Set(locations.map(({ source }) => source))]);
    surveys.set('latest', latest);
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
    const before = process.threadCpuUsage();
    let isMade = false;
    const made = whole.then(() => (isMade = true));
    const answer = await measured(stage, '/');
    lines.push(lineOf('Next, the first of all after a restart', answer));
    let worst = answer;
    let asked = 1;
    for (let index = 0; !isMade; index = (index + 1) % pages.length) {
      const [, path = '/'] = pages[index] ?? [];
      // The calendar is not given out before it is whole.
      if (path.startsWith('/calendar')) continue;
      const one = await measured(stage, path);
      asked += 1;
      if (one.ms > worst.ms) worst = one;
    }
    await made;
    if (errors.length > 0) throw new Error('the survey failed', { cause: errors[0] });
    const surveyed = millisecondsSince(before);
    lines.push(lineOf(`The slowest of ${asked} until all was read`, worst));
    for (const [name, path] of pages) {
      const runs: Measured[] = [];
      for (let run = 0; run < RUNS; run++) runs.push(await measured(stage, path));
      const middle = runs.toSorted((a, b) => a.ms - b.ms)[Math.floor(RUNS / 2)];
      if (middle !== undefined) lines.push(lineOf(name, middle));
    }
    return [
      `web: ${CERTIFICATES.toLocaleString('en')} certificates, the middle of ${RUNS} runs; at most ${MAX_MS} ms and ${MAX_BYTES / 1000} kB`,
      ...lines,
      `  The survey, made behind these ${asked} pages: ${(surveyed / 1000).toFixed(1)} s CPU with them`,
    ].join('\n');
  } finally {
    await stage.close();
  }
}

/** The survey as the daemon has it; `whole`: the first is made. */
function surveying(stage: WebStage, sources: readonly string[]) {
  const { promise: whole, resolve } = Promise.withResolvers<void>();
  const errors: unknown[] = [];
  const latest = createLatest<Survey>({
    async make(onPart) {
      const { inventory, catalogue } = stage.store;
      const signal = new AbortController().signal;
      const survey = await takeSurvey({
        inventory,
        catalogue,
        view: stage.view,
        policy: stage.policy,
        sources,
        now: NOW,
        signal,
        onPart,
      });
      resolve();
      return survey;
    },
    nothing: () => emptySurvey(NOW),
    clock: { now: () => performance.now() },
    onError(error) {
      errors.push(error);
      resolve();
    },
  });
  return { latest, whole, errors };
}

interface Measured {
  readonly path: string;
  /** CPU of the thread that answers, milliseconds: so long it takes where nothing else keeps it busy. */
  readonly ms: number;
  readonly bytes: number;
}

async function measured(stage: WebStage, path: string): Promise<Measured> {
  const before = process.threadCpuUsage();
  const { status, text } = await stage.ask(path);
  const ms = millisecondsSince(before);
  if (status !== 200) throw new Error(`${path} is answered ${status}: ${text.slice(0, 200)}`);
  return { path, ms, bytes: Buffer.byteLength(text) };
}

function millisecondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

function lineOf(name: string, { path, ms, bytes }: Measured): string {
  const isPage = !path.startsWith('/api/') && !path.startsWith('/calendar');
  const isOver = ms > MAX_MS || (bytes > MAX_BYTES && isPage);
  return `  ${name.padEnd(40)} ${ms.toFixed(1).padStart(8)} ms CPU ${(bytes / 1000).toFixed(1).padStart(8)} kB${isOver ? '  over the limit' : ''}`;
}

async function nextPage(ask: (path: string) => Promise<{ readonly text: string }>): Promise<string> {
  const { text } = await ask('/certificates');
  return `/certificates${(/rel="next" href="([^"]*)"/.exec(text)?.[1] ?? '').replaceAll('&amp;', '&')}`;
}
