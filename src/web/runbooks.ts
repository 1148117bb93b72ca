import { readFile } from 'node:fs/promises';

import type { Location } from '../inventory/model.ts';
import type { Alert } from '../notify/model.ts';
import type { AlertReader } from '../notify/port.ts';
import { RULES } from '../policy/finding.ts';
import { alertSituation, join } from '../runbook/gathering.ts';
import { buildRunbook } from '../runbook/runbook.ts';
import { templated, type RunbookTemplates } from '../runbook/template.ts';
import type { ShownRunbook } from './runbook-page.ts';

/** Beside the source, and beside what was built from it. */
const RUNBOOKS = new URL(
  import.meta.url.includes('/dist/src/') ? '../../../docs/runbooks/' : '../../docs/runbooks/',
  import.meta.url,
);

/** The page of a rule; only names of rules reach the file system. */
export async function readRunbook(rule: string): Promise<string | undefined> {
  const known = RULES.find((id) => id === rule);
  return known === undefined ? undefined : readFile(new URL(`${known}.md`, RUNBOOKS), 'utf8');
}

/** The pages of some rules, by rule; each file is read once. */
export async function readRunbookPages(rules: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const pages = await Promise.all(rules.map(async (rule) => [rule, await readRunbook(rule)] as const));
  return new Map(pages.flatMap(([rule, page]) => (page === undefined ? [] : [[rule, page] as const])));
}

/** Who comes when so many wait is sent away. */
const MAX_WAITING = 20;

interface RunbookParts {
  readonly store: {
    readonly alerts: Pick<AlertReader, 'alertsById'>;
  };
  /** Everything that is about an alert: its places, and where else its cause is, or cuts something short. */
  locationsAround(alert: Alert): Promise<readonly Location[]>;
  readonly templates: () => RunbookTemplates;
  now(): number;
}

/**
 * Makes the runbooks of alerts. All are made one after the other: who asks often waits, and
 * the daemon does not.
 */
export function createAlertRunbooks({
  store,
  locationsAround,
  templates,
  now,
}: RunbookParts): (id: string) => Promise<ShownRunbook | 'busy' | undefined> {
  let last: Promise<unknown> = Promise.resolve();

  async function make(id: string): Promise<ShownRunbook | undefined> {
    const [alert] = await store.alerts.alertsById([id]);
    if (alert === undefined) return undefined;
    const rules = alert.places.flatMap(({ findings }) => findings.map(({ rule }) => rule));
    const [locations, pages] = await Promise.all([locationsAround(alert), readRunbookPages([...new Set(rules)])]);
    const runbook = buildRunbook(alertSituation(alert, join(locations, pages, now())));
    const text = templated(runbook, templates());
    return { runbook, ...(text === undefined ? {} : { text }) };
  }

  let waiting = 0;
  return async (id) => {
    if (waiting >= MAX_WAITING) return 'busy';
    waiting += 1;
    const mine = last.then(() => make(id));
    last = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      waiting -= 1;
    }
  };
}
