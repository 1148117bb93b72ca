import { alertsOf } from '../alerts/alertmanager/alert.ts';
import { eventsOf } from '../alerts/pagerduty/event.ts';
import { payload } from '../src/plugin/payload.ts';
import { FIRST, SAMPLE } from './sample.ts';

const ALERTMANAGER = { holdMs: 8 * 86_400_000, labels: { team: 'platform' } };

/** What is sent to those who show messages in their own way, by the marker of its part of the page. */
export function messagePayloads(): readonly (readonly [marker: string, block: string])[] {
  const { open } = alertsOf(FIRST, [], ALERTMANAGER);
  return [
    ['pagerduty', block(eventsOf(SAMPLE)[0])],
    ['alertmanager', block(alertsOf(SAMPLE, open, ALERTMANAGER).alerts)],
    ['webhook', block(payload(SAMPLE))],
  ];
}

function block(value: unknown): string {
  return `\`\`\`json\n${JSON.stringify(value, undefined, 2)}\n\`\`\``;
}
