import {
  MAX_PLACES,
  type AffectedPlace,
  type AlertNotice,
  type Severity,
  compareSeverity,
} from '../plugin/notification.ts';
import type { Alert, AlertPlace } from './model.ts';
import type { NotifyOptions } from './options.ts';
import { runbookOf } from './runbook.ts';
import { compareText, earliestFirst } from './severity.ts';
import { affectedPlaces, endOf, type Standing } from './standing.ts';

/** The alert as a receiver is told of it. The place that breaks first speaks for all. */
export function noticeOf(alert: Alert, standing: Standing, options: Pick<NotifyOptions, 'runbookUrl'>): AlertNotice {
  const places = affectedPlaces(alert).toSorted(firstToBreak);
  const speaker = places[0]?.findings[0];
  const runbookUrl = runbookOf(places) ?? options.runbookUrl(alert.id);
  return {
    id: alert.id,
    family: alert.family,
    cause: alert.cause,
    state: alert.state,
    severity: standing.severity,
    rules: standing.rules,
    title: speaker?.title ?? alert.cause,
    summary: summaryOf(alert, speaker?.summary ?? ''),
    ...(standing.endsAt === undefined ? {} : { endsAt: new Date(standing.endsAt) }),
    openedAt: new Date(alert.openedAt),
    facts: speaker?.facts ?? [],
    places: places.slice(0, MAX_PLACES).map(affectedPlace),
    placeCount: places.length,
    actions: alert.state === 'open' ? [...(speaker?.actions ?? []), wholeRunbook(alert)] : [],
    ...(runbookUrl === undefined ? {} : { runbookUrl }),
  };
}

/** The steps of a message are those of one place, and short. */
function wholeRunbook({ id }: Alert): string {
  return `The whole runbook, with every place, the order and the way back: notafter runbook ${id}`;
}

function summaryOf(alert: Alert, summary: string): string {
  const gone = alert.places.filter((place) => place.state === 'withdrawn').length;
  switch (alert.state) {
    case 'open':
      return summary;
    case 'resolved': {
      const where =
        alert.places.length === 1 ? '' : ` at ${alert.places.length - gone} of ${alert.places.length} places`;
      return `Seen to be good again${where}${gone === 0 ? '' : ` (${gone} gone)`}. It was: ${summary}`;
    }
    case 'withdrawn':
      return `What this was about is gone; nothing was seen to be fixed. It was: ${summary}`;
  }
}

function affectedPlace(place: AlertPlace): AffectedPlace {
  return {
    source: place.source,
    location: place.location,
    rules: [...new Set(place.findings.map((finding) => finding.rule))],
    severity: severityOf(place),
    summary: place.findings[0]?.summary ?? '',
    labels: place.labels,
    state: place.state,
  };
}

function firstToBreak(a: AlertPlace, b: AlertPlace): number {
  return (
    earliestFirst(endOf(a), endOf(b)) ||
    compareSeverity(severityOf(b), severityOf(a)) ||
    compareText(a.location, b.location)
  );
}

function severityOf(place: AlertPlace): Severity {
  return place.findings[0]?.severity ?? 'info';
}
