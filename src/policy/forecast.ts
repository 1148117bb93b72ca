import type { Location } from '../inventory/model.ts';
import { compareSeverity, type Severity } from '../plugin/notification.ts';
import { assess } from './assess.ts';
import type { Family, Finding, RuleId } from './finding.ts';
import type { Policy } from './policy.ts';
import type { InventoryView } from './view.ts';

/** From when until when, milliseconds since the epoch; both belong to it. */
export interface Period {
  readonly fromAt: number;
  readonly untilAt: number;
}

/** From `at` on it is this bad, at the first of its locations. */
export interface Change {
  readonly at: number;
  readonly severity: Severity;
  readonly rule: RuleId;
}

/** What one cause comes to within a period if nobody does anything. */
export interface Outlook {
  readonly family: Family;
  readonly cause: string;
  readonly title: string;
  /** The sentence of the worst that it comes to, said at that instant. */
  readonly summary: string;
  /** The rule that tells of the worst. */
  readonly rule: RuleId;
  /** The worst that it comes to. */
  readonly severity: Severity;
  /** How bad it is when the period begins; absent when nothing is to be told yet. */
  readonly standing?: Severity;
  /** Each rise of severity in the period, and each rule that joins at the severity reached; in the order of time. */
  readonly changes: readonly Change[];
  /** The first end, where the cause is one; milliseconds since the epoch. It may lie behind the period. */
  readonly endsAt?: number;
  /** Values of the label `owner` of the locations and of the item there; each once, in order. */
  readonly owners: readonly string[];
  /** Values of the label `service`, likewise. */
  readonly services: readonly string[];
  /** Each once, in the order of code units. */
  readonly locations: readonly string[];
}

export interface Forecast extends Period {
  /** What changes first comes first; then what stays as it is, the worst first. */
  readonly outlooks: readonly Outlook[];
  /** Locations whose changes were too many to follow to the end of the period. */
  readonly cut: readonly string[];
}

/** Instants at which one location is judged at most. */
const MAX_STEPS = 1_000;

/** Takes in locations one by one, so that a host may do something else between two of them. */
export interface Forecasting {
  note(location: Location): void;
  /** What ends, the first end first, at most so many, made one by one: of what was noted so far. */
  ending(max: number): Iterable<Outlook>;
  result(): Forecast;
}

/**
 * What will be wrong within a period if nothing else changes, by the rules that say what is wrong now. Pure. Each location
 * is judged at its beginning and then at every instant at which time alone changes the judgement, so days are exact.
 *
 * Looks are taken to go on and to see the same, so nothing grows stale; what is about looking (the families `coverage` and
 * `clock`) is left out. That a certificate is renewed by itself is not assumed: what would end does so here, and that it was
 * not renewed until then (`renewal-overdue`) goes without saying.
 */
export function startForecast(view: InventoryView, policy: Policy, period: Period): Forecasting {
  const { fromAt, untilAt } = period;
  const looking: InventoryView = { ...view, intervalMs: () => undefined };
  const drafts = new Map<string, Draft>();
  const cut: string[] = [];

  function* ending(max: number): Generator<Outlook> {
    // Of very many the first are found by their ends alone: to make and sort all would take long.
    const ends = new Float64Array(drafts.size);
    let count = 0;
    for (const { endsAt } of drafts.values()) ends[count++] = endsAt;
    const last = Math.min(ends.toSorted()[max - 1] ?? Infinity, Number.MAX_VALUE);
    const first = [...drafts.values()].filter(({ endsAt }) => endsAt <= last);
    for (const draft of first.toSorted(endingFirst).slice(0, max)) yield outlookOf(draft, fromAt);
  }

  return {
    note(location) {
      let at = fromAt;
      for (let step = 0; ; step++) {
        const { findings, nextAt } = assess(location, looking, policy, at);
        for (const finding of findings) noteFinding(drafts, location, finding, at);
        if (nextAt === undefined || nextAt > untilAt) return;
        if (step >= MAX_STEPS || nextAt <= at) {
          cut.push(location.location);
          return;
        }
        at = nextAt;
      }
    },
    ending,
    result: () => ({
      ...period,
      outlooks: [...drafts.values()].map((draft) => outlookOf(draft, fromAt)).toSorted(firstFirst),
      cut,
    }),
  };
}

/** The forecast for locations that are all at hand. */
export function forecast(locations: Iterable<Location>, view: InventoryView, policy: Policy, period: Period): Forecast {
  const forecasting = startForecast(view, policy, period);
  for (const location of locations) forecasting.note(location);
  return forecasting.result();
}

/** What is told of a cause at one location from an instant on. */
interface Rise extends Change {
  readonly finding: Pick<Finding, 'title' | 'summary'>;
}

interface Draft {
  readonly family: Family;
  readonly cause: string;
  readonly rises: Rise[];
  endsAt: number;
  readonly owners: Set<string>;
  readonly services: Set<string>;
  readonly locations: Set<string>;
  /** What was told last at the location in hand, and its rules; another location begins anew. */
  current: { readonly location: Location; severity: Severity; readonly rules: Set<RuleId> } | undefined;
}

function noteFinding(drafts: Map<string, Draft>, location: Location, finding: Finding, at: number): void {
  const { family, cause, rule, severity, title, summary } = finding;
  if (family === 'coverage' || family === 'clock' || rule === 'renewal-overdue') return;
  const key = `${family} ${cause}`;
  const draft = drafts.get(key) ?? newDraft(family, cause);
  drafts.set(key, draft);
  draft.endsAt = Math.min(draft.endsAt, finding.endsAt ?? Infinity);
  draft.locations.add(location.location);
  const known = draft.current?.location === location ? draft.current : undefined;
  if (known === undefined) noteLabels(draft, location, cause);
  const isNews =
    known === undefined ||
    compareSeverity(severity, known.severity) > 0 ||
    (severity === known.severity && !known.rules.has(rule));
  if (!isNews) return;
  draft.rises.push({ at, severity, rule, finding: { title, summary } });
  draft.current = { location, severity, rules: new Set([...(known?.rules ?? []), rule]) };
}

function newDraft(family: Family, cause: string): Draft {
  return {
    family,
    cause,
    rises: [],
    endsAt: Infinity,
    owners: new Set(),
    services: new Set(),
    locations: new Set(),
    current: undefined,
  };
}

function noteLabels({ owners, services }: Draft, { labels, sightings }: Location, cause: string): void {
  const own = sightings.find(({ item }) => item.id === cause)?.labels;
  const [owner, service] = [own?.['owner'] ?? labels['owner'], own?.['service'] ?? labels['service']];
  if (owner !== undefined) owners.add(owner);
  if (service !== undefined) services.add(service);
}

function outlookOf({ rises, endsAt, ...draft }: Draft, fromAt: number): Outlook {
  const inTime = rises.toSorted((a, b) => a.at - b.at || compareSeverity(b.severity, a.severity));
  const [first, ...later] = inTime as [Rise, ...Rise[]]; // a draft is made for its first rise
  let worst = first;
  const rules = new Set([first.rule]);
  const changes: Change[] = first.at > fromAt ? [changeOf(first)] : [];
  for (const rise of later) {
    const difference = compareSeverity(rise.severity, worst.severity);
    if (difference > 0 || (difference === 0 && !rules.has(rise.rule))) {
      worst = rise;
      if (rise.at > fromAt) changes.push(changeOf(rise));
    }
    rules.add(rise.rule);
  }
  const standing = inTime.find(({ at }) => at <= fromAt)?.severity;
  return {
    family: draft.family,
    cause: draft.cause,
    title: worst.finding.title,
    summary: worst.finding.summary,
    rule: worst.rule,
    severity: worst.severity,
    ...(standing === undefined ? {} : { standing }),
    changes,
    ...(endsAt === Infinity ? {} : { endsAt }),
    owners: [...draft.owners].toSorted(compareText),
    services: [...draft.services].toSorted(compareText),
    locations: [...draft.locations].toSorted(compareText),
  };
}

function changeOf({ at, severity, rule }: Rise): Change {
  return { at, severity, rule };
}

function firstFirst(a: Outlook, b: Outlook): number {
  const [changeOfA, changeOfB] = [breaksOrChangesAt(a), breaksOrChangesAt(b)];
  return (
    (changeOfA === changeOfB ? 0 : changeOfA - changeOfB) ||
    compareSeverity(b.severity, a.severity) ||
    compareText(`${a.family} ${a.cause}`, `${b.family} ${b.cause}`)
  );
}

function breaksOrChangesAt({ changes, endsAt }: Outlook): number {
  const [first] = changes;
  return first === undefined ? Infinity : (endsAt ?? first.at);
}

function endingFirst(a: Draft, b: Draft): number {
  return a.endsAt - b.endsAt || compareText(a.cause, b.cause) || compareText(a.family, b.family);
}

/** By code unit: the same on every machine. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
