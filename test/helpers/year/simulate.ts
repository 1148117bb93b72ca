import { HABITS, startClient, type Renewal } from './clients.ts';
import { PLANTS } from './failures.ts';
import type { Planted } from './plant.ts';
import { createWorld, END, type Notice, type World } from './world.ts';

export interface YearOptions {
  readonly seed: number;
  /** Certificates that live through the year. */
  readonly certificates: number;
  /** Failures of each kind. */
  readonly plantedOfEach: number;
  readonly onProgress?: (day: number) => void;
}

/** What a planted kind of failure came to. */
export interface PlantedResult {
  readonly planted: number;
  readonly found: number;
  /** Why each of the others counts as missed. */
  readonly missed: readonly string[];
}

export interface YearResult {
  readonly counts: World['counts'];
  readonly certificates: number;
  readonly renewals: Readonly<Record<string, { readonly onTime: number; readonly late: number }>>;
  /** Notices at warning and above about what was renewed on time, or about nothing that went wrong. */
  readonly falseAlarms: readonly string[];
  readonly late: { readonly warnings: number; readonly criticals: number; readonly resolved: number };
  /** Late renewals that were told otherwise than they should be. */
  readonly lateFaults: readonly string[];
  /** Targets that were out of reach three times in a row, by chance. */
  readonly outages: number;
  /** Those of them of which nothing was told. */
  readonly silentOutages: readonly string[];
  readonly planted: ReadonlyMap<string, PlantedResult>;
}

const LATE_SHARE = 0.01;
const FAILING_SHARE = 0.02;

/** Lives through the year, and compares what was told with what should have been. */
export async function simulateYear(options: YearOptions): Promise<YearResult> {
  const world = await createWorld({ seed: options.seed, failing: FAILING_SHARE });
  try {
    const renewals: Renewal[] = [];
    for (const habit of HABITS) {
      const count = Math.max(1, Math.round(options.certificates * habit.share));
      for (let index = 0; index < count; index++) startClient(world, habit, index, LATE_SHARE, renewals);
    }
    const planted: Planted[] = [];
    for (const plant of PLANTS) {
      for (let index = 0; index < options.plantedOfEach; index++) {
        planted.push(plant.plant(world, `${plant.kind}-${index}`));
      }
    }
    for (let day = 1; day <= 365; day++) {
      await world.live(END - (365 - day) * 86_400_000);
      options.onProgress?.(day);
    }
    return judge(world, options, renewals, planted);
  } finally {
    await world.close();
  }
}

function judge(
  world: World,
  options: YearOptions,
  renewals: readonly Renewal[],
  planted: readonly Planted[],
): YearResult {
  const { found, plantedNotices } = judgePlanted(world.notices, planted);
  const others = world.notices.filter((notice) => notice.reason !== 'repeat' && !plantedNotices.has(notice));
  const byCause = Map.groupBy(others, ({ cause }) => cause);
  const falseAlarms: string[] = [];
  const lateFaults: string[] = [];
  const late = { warnings: 0, criticals: 0, resolved: 0 };
  const counts: Record<string, { onTime: number; late: number }> = {};

  for (const renewal of renewals) {
    const count = (counts[renewal.habit.name] ??= { onTime: 0, late: 0 });
    count[renewal.isLate ? 'late' : 'onTime'] += 1;
    if (!renewal.isLate) continue;
    const told = byCause.get(renewal.old.id) ?? [];
    byCause.delete(renewal.old.id);
    const expected = expectedOf(world, renewal);
    const actual = told.map((notice) => textOf(notice));
    if (expected.join('; ') !== actual.join('; ')) {
      lateFaults.push(
        `${renewal.habit.name} renewed ${iso(renewal.at)}, ended ${iso(renewal.old.endAt)}: expected ${expected.join('; ')}, told ${actual.join('; ')}`,
      );
    }
    late.warnings += told.filter(({ reason, severity }) => reason === 'first' && severity === 'warning').length;
    late.criticals += told.filter(({ severity, reason }) => severity === 'critical' && reason === 'worse').length;
    late.resolved += told.filter(({ reason }) => reason === 'resolved').length;
  }
  for (const [cause, told] of byCause) {
    const outage = [...world.outages].find((target) => cause.endsWith(`/${target}`));
    const isBlind = told.every(({ rules }) => rules.join() === 'unreachable');
    if (isBlind && (outage !== undefined || told.every((notice) => isBlindInNeed(world, renewals, notice)))) continue;
    falseAlarms.push(
      ...told.map((notice) => `${textOf(notice)} of ${cause.slice(0, 60)} at ${notice.places.join(', ')}`),
    );
  }
  const downOnPurpose = new Set(planted.flatMap((failure) => failure.places()));
  const outages = [...world.outages].filter((target) => !downOnPurpose.has(`${target}@10.0.0.1`));
  const told = (target: string): boolean =>
    others.some(({ cause, rules }) => cause.endsWith(`/${target}`) && rules.includes('unreachable'));
  return {
    counts: world.counts,
    certificates: options.certificates,
    renewals: counts,
    falseAlarms,
    late,
    lateFaults,
    outages: outages.length,
    silentOutages: outages.filter((target) => !told(target)),
    planted: found,
  };
}

/** A look failed while the certificate there was critical: nobody could say whether it had been replaced. */
function isBlindInNeed(world: World, renewals: readonly Renewal[], { at, cause, reason, severity }: Notice): boolean {
  if (reason === 'resolved') return true;
  return (
    severity === 'critical' &&
    renewals.some(
      ({ habit, host, isLate, old }) =>
        isLate &&
        cause.endsWith(`/${host}:443`) &&
        at >= old.endAt - habit.criticalMs &&
        at <= (world.goneAt.get(old.id) ?? Infinity),
    )
  );
}

/** What should be told of a certificate that was renewed late, by the thresholds and by when it was last seen. */
function expectedOf(world: World, { habit, old }: Renewal): readonly string[] {
  const goneAt = world.goneAt.get(old.id) ?? Infinity;
  const [warningAt, criticalAt] = [old.endAt - habit.warningMs, old.endAt - habit.criticalMs];
  if (goneAt <= warningAt) return [];
  return [
    `first warning expiring ${iso(warningAt)}`,
    ...(goneAt > criticalAt ? [`worse critical expiring ${iso(criticalAt)}`] : []),
    `resolved`,
  ];
}

function textOf({ reason, severity, rules, at }: Notice): string {
  return reason === 'resolved' ? reason : `${reason} ${severity} ${rules.join('+')} ${iso(at)}`;
}

function judgePlanted(
  notices: readonly Notice[],
  planted: readonly Planted[],
): { found: ReadonlyMap<string, PlantedResult>; plantedNotices: ReadonlySet<Notice> } {
  const results = new Map<string, { planted: number; found: number; missed: string[] }>();
  const own = new Set<Notice>();
  const byPlace = new Map<string, Notice[]>();
  for (const notice of notices) {
    for (const place of notice.places) byPlace.set(place, [...(byPlace.get(place) ?? []), notice]);
  }
  for (const failure of planted) {
    const result = results.get(failure.kind) ?? { planted: 0, found: 0, missed: [] };
    results.set(failure.kind, result);
    result.planted += 1;
    const about = [...new Set(failure.places().flatMap((place) => byPlace.get(place) ?? []))];
    for (const notice of about) own.add(notice);
    const hits = about.filter(
      ({ reason, rules, severity }) =>
        reason !== 'repeat' && rules.includes(failure.rule) && severity === failure.severity,
    );
    const first = hits.toSorted((a, b) => a.at - b.at)[0];
    const { from, to } = failure.expected();
    if (first !== undefined && first.at >= from && first.at <= to && first.placeCount === failure.placeCount) {
      result.found += 1;
    } else {
      result.missed.push(
        `${failure.name}: expected ${failure.rule} ${failure.severity} from ${iso(from)} to ${iso(to)} at ${failure.placeCount} places, told ${about.map((notice) => `${textOf(notice)} (${notice.placeCount})`).join('; ') || 'nothing'}`,
      );
    }
  }
  return { found: results, plantedNotices: own };
}

function iso(at: number): string {
  return Number.isFinite(at) ? new Date(at).toISOString().slice(0, 19) : String(at);
}
