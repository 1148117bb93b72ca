import type { Settings } from './policy.ts';
import type { Subject } from './subject.ts';

/** Looks are not exactly on time. */
const LOOK_SLACK_MS = 5 * 60_000;

/**
 * When what is rolled out has to be seen everywhere, if it was first seen at `since`: the grace, and the time until the next
 * look at the place that is behind.
 */
export function rolloutEndsAt(since: number, settings: Settings, { location, view }: Subject): number {
  return since + settings.rolloutGraceMs + (view.intervalMs(location.source) ?? 0) + LOOK_SLACK_MS;
}
