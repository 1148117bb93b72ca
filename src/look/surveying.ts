import { setImmediate } from 'node:timers/promises';

import { startClientSurvey } from '../inventory/client-survey.ts';
import type { ClientTrust } from '../inventory/client-trust.ts';
import type { ClientOutlook } from '../inventory/clients.ts';
import type { Location } from '../inventory/model.ts';
import type { InventoryReader } from '../inventory/port.ts';
import { startCoverageReport, type CoverageReport } from '../policy/coverage-report.ts';
import { startForecast, type Outlook } from '../policy/forecast.ts';
import type { Policy } from '../policy/policy.ts';
import type { InventoryView } from '../policy/view.ts';

/** How far a survey looks ahead: as long as certificates of the public web may live, and some weeks. */
const AHEAD_MS = 430 * 86_400_000;
/** Pairs of a found client and an endpoint that names its issuer: those that end first, and how many are counted. */
const MAX_POSSIBLE = 500;
const MAX_COUNTED = 10_000;
/** Causes whose ends are kept, and owners. */
const MAX_ENDING = 20_000;
const MAX_OWNERS = 200;
const MAX_NOTED_OWNERS = 10_000;
/** A found client certificate that ended longer ago is most probably a forgotten file. */
const ENDED_MS = 30 * 86_400_000;

/** What only a pass over everything tells, at one instant. */
export interface Survey {
  /** Milliseconds since the epoch. */
  readonly at: number;
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
  readonly inventory: InventoryReader;
  readonly view: InventoryView & { readonly clientTrust: ClientTrust };
  readonly policy: Policy;
  /** Names of the sources of the config. */
  readonly sources: readonly string[];
  readonly now: number;
  readonly signal: AbortSignal;
}

/** Goes over everything that is known, a page at a time: other work of the process goes on between two pages. */
export async function takeSurvey({ inventory, view, policy, sources, now, signal }: SurveyParts): Promise<Survey> {
  const forecasting = startForecast(view, policy, { fromAt: now, untilAt: now + AHEAD_MS });
  const reporting = startCoverageReport(sources, view, policy, now);
  const surveying = startClientSurvey(view.clientTrust);
  const owners = new Set<string>();
  await eachLocation(inventory, signal, (location) => {
    forecasting.note(location);
    reporting.note(location);
    surveying.note(location);
    for (const { owner } of [location.labels, ...location.sightings.map(({ labels }) => labels ?? {})]) {
      if (owner !== undefined && owners.size < MAX_NOTED_OWNERS) owners.add(owner);
    }
  });
  if (surveying.wantsEndpoints()) await eachLocation(inventory, signal, (location) => surveying.noteEndpoint(location));
  const clients = surveying.result();
  const possible: ClientOutlook[] = [];
  let possibleCount = 0;
  for (const outlook of clients.found(now - ENDED_MS)) {
    if (possibleCount++ < MAX_POSSIBLE) possible.push(outlook);
    if (possibleCount === MAX_COUNTED) break;
  }
  return {
    at: now,
    ending: endingFirst(forecasting.result().outlooks),
    coverage: reporting.result(),
    owners: [...owners].toSorted().slice(0, MAX_OWNERS),
    clients: { certain: [...clients.configured, ...clients.referenced].toSorted(firstFirst), possible, possibleCount },
  };
}

async function eachLocation(
  inventory: InventoryReader,
  signal: AbortSignal,
  each: (location: Location) => void,
): Promise<void> {
  let page = await inventory.locationsAfter(0);
  while (page.length > 0) {
    let turnAt = performance.now();
    for (const location of page) {
      each(location);
      if (performance.now() - turnAt < TURN_MS) continue;
      await setImmediate();
      turnAt = performance.now();
    }
    await setImmediate();
    signal.throwIfAborted();
    page = await inventory.locationsAfter(page.at(-1)?.id ?? Infinity);
  }
}

/** Others have their turn after this, milliseconds. */
const TURN_MS = 10;

function endingFirst(outlooks: readonly Outlook[]): readonly Outlook[] {
  return outlooks
    .filter(({ endsAt }) => endsAt !== undefined)
    .toSorted((a, b) => (a.endsAt ?? 0) - (b.endsAt ?? 0))
    .slice(0, MAX_ENDING);
}

function firstFirst(a: ClientOutlook, b: ClientOutlook): number {
  const [endA, endB] = [a.outageAt ?? Infinity, b.outageAt ?? Infinity];
  return endA === endB ? 0 : endA - endB;
}
