import type { Catalogue } from '../inventory/catalogue.ts';
import { startClientSurvey, type ClientSurvey } from '../inventory/client-survey.ts';
import type { ClientTrust } from '../inventory/client-trust.ts';
import type { ClientOutlook, Clients } from '../inventory/clients.ts';
import type { Location } from '../inventory/model.ts';
import type { InventoryReader } from '../inventory/port.ts';
import { startCoverageReport, type CoverageReport } from '../policy/coverage-report.ts';
import { startForecast, type Outlook } from '../policy/forecast.ts';
import type { Policy } from '../policy/policy.ts';
import type { InventoryView } from '../policy/view.ts';
import { createTurns, type Turns } from './turns.ts';

const DAY_MS = 86_400_000;
/** How far a survey looks ahead: as long as certificates of the public web may live, and some weeks. */
const AHEAD_MS = 430 * DAY_MS;
/** Pairs of a found client and an endpoint that names its issuer: those that end first, and how many are counted. */
const MAX_POSSIBLE = 500;
const MAX_COUNTED = 10_000;
/** Causes whose ends are kept, and owners. */
const MAX_ENDING = 20_000;
const MAX_OWNERS = 200;
const MAX_NOTED_OWNERS = 10_000;
/** A found client certificate that ended longer ago is most probably a forgotten file. */
const ENDED_MS = 30 * DAY_MS;
/** What ends first is read first: so many items, and of each so many places. */
const FIRST_ITEMS = 150;
const FIRST_PLACES = 5;
/** What is known so far is told after so many locations, and after four times as many, and so on. */
const FIRST_PART = 2_000;
const PART_FACTOR = 4;

/** What only a pass over everything tells, at one instant. */
export interface Survey {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Locations that it rests on, and how many there were when it began. */
  readonly read: number;
  readonly locations: number;
  /** Nothing is left to read. */
  readonly isWhole: boolean;
  /** What ends within more than a year, the first end first; of very many the first. */
  readonly ending: readonly Outlook[];
  readonly coverage: CoverageReport;
  /** Values of the label `owner`, in order; the first of them. */
  readonly owners: readonly string[];
  readonly clients: {
    /** Who logs in for sure, by the config or by what a place says. */
    readonly certain: readonly ClientOutlook[];
    /** Who may log in, as the endpoint names the issuer: the first that end; `possibleCount` says how many there are. */
    readonly possible: readonly ClientOutlook[];
    readonly possibleCount: number;
  };
}

export interface SurveyParts {
  readonly inventory: Pick<InventoryReader, 'locations' | 'locationsAfter'>;
  readonly catalogue: Pick<Catalogue, 'items' | 'homes' | 'limitedBy' | 'counts'>;
  readonly view: InventoryView & { readonly clientTrust: ClientTrust };
  readonly policy: Policy;
  /** Names of the sources of the config. */
  readonly sources: readonly string[];
  readonly now: number;
  readonly signal: AbortSignal;
  /** What is known so far, now and then; what ends first is in the first of them. */
  onPart?(survey: Survey): void;
}

/** A survey of nothing: what is known before anything was read. */
export function emptySurvey(now: number): Survey {
  return {
    at: now,
    read: 0,
    locations: 0,
    isWhole: false,
    ending: [],
    coverage: { sources: [], findings: [], unwatched: [] },
    owners: [],
    clients: { certain: [], possible: [], possibleCount: 0 },
  };
}

/** Goes over everything that is known, a slice at a time: other work of the process goes on between two slices. */
export async function takeSurvey(parts: SurveyParts): Promise<Survey> {
  const { inventory, catalogue, view, policy, sources, now, signal, onPart } = parts;
  const forecasting = startForecast(view, policy, { fromAt: now, untilAt: now + AHEAD_MS });
  const reporting = startCoverageReport(sources, view, policy, now);
  const surveying = startClientSurvey(view.clientTrust);
  const owners = new Set<string>();
  const turns = createTurns(signal);
  const read = new Set<number>();
  const counts = await catalogue.counts();
  const locations = counts.reduce((sum, count) => sum + count.locations, 0);

  async function note(some: readonly Location[]): Promise<void> {
    for (const location of some) {
      if (read.has(location.id)) continue;
      read.add(location.id);
      forecasting.note(location);
      reporting.note(location);
      surveying.note(location);
      for (const { owner } of [location.labels, ...location.sightings.map(({ labels }) => labels ?? {})]) {
        if (owner !== undefined && owners.size < MAX_NOTED_OWNERS) owners.add(owner);
      }
      await turns.take();
    }
  }

  async function surveyOf(isWhole: boolean): Promise<Survey> {
    const ending: Outlook[] = [];
    for (const outlook of forecasting.ending(MAX_ENDING)) {
      ending.push(outlook);
      await turns.take();
    }
    const coverage = reporting.result();
    await turns.take();
    return {
      at: now,
      read: read.size,
      locations,
      isWhole,
      ending,
      coverage,
      owners: [...owners].toSorted().slice(0, MAX_OWNERS),
      clients: await clientsOf(surveying.result(), now, turns),
    };
  }

  if (onPart !== undefined && locations > FIRST_PART) {
    await note(await inventory.locations({ ids: await firstToEnd(catalogue, now, turns) }));
    onPart(await surveyOf(false));
  }
  let tellAt = FIRST_PART;
  await eachPage(inventory, turns, async (page) => {
    await note(page);
    if (onPart === undefined || read.size < tellAt) return;
    tellAt *= PART_FACTOR;
    // What is nearly done is told when it is.
    if (read.size < locations / 2) onPart(await surveyOf(false));
  });
  if (surveying.wantsEndpoints()) await eachPage(inventory, turns, (page) => noteEndpoints(page, surveying, turns));
  return surveyOf(true);
}

/** Where that is what ends first, and what fails with it. */
async function firstToEnd(catalogue: SurveyParts['catalogue'], now: number, turns: Turns): Promise<readonly number[]> {
  const { items } = await catalogue.items({ order: 'ends', endsFrom: now - ENDED_MS, limit: FIRST_ITEMS });
  const ids = new Set<number>();
  for (const { item } of items) {
    const { homes } = await catalogue.homes(item.id, FIRST_PLACES);
    const limited = await catalogue.limitedBy(item.id, FIRST_PLACES);
    for (const { id } of [...homes.map(({ location }) => location), ...limited.locations]) ids.add(id);
    await turns.take();
  }
  return [...ids];
}

async function noteEndpoints(page: readonly Location[], surveying: ClientSurvey, turns: Turns): Promise<void> {
  for (const location of page) {
    surveying.noteEndpoint(location);
    await turns.take();
  }
}

async function eachPage(
  inventory: SurveyParts['inventory'],
  turns: Turns,
  each: (page: readonly Location[]) => Promise<void>,
): Promise<void> {
  let page = await inventory.locationsAfter(0);
  while (page.length > 0) {
    await each(page);
    await turns.pass();
    page = await inventory.locationsAfter(page.at(-1)?.id ?? Infinity);
    await turns.pass();
  }
}

async function clientsOf(clients: Clients, now: number, turns: Turns): Promise<Survey['clients']> {
  const possible: ClientOutlook[] = [];
  let possibleCount = 0;
  for (const outlook of clients.found(now - ENDED_MS)) {
    if (possibleCount++ < MAX_POSSIBLE) possible.push(outlook);
    if (possibleCount === MAX_COUNTED) break;
    await turns.take();
  }
  const certain = [...clients.configured, ...clients.referenced].toSorted(firstFirst);
  return { certain, possible, possibleCount };
}

function firstFirst(a: ClientOutlook, b: ClientOutlook): number {
  const [endA, endB] = [a.outageAt ?? Infinity, b.outageAt ?? Infinity];
  return endA === endB ? 0 : endA - endB;
}
