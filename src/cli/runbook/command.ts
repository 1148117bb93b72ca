import { Command } from 'commander';

import { loadConfig } from '../../config/load.ts';
import { RULES } from '../../policy/finding.ts';
import { titleOf } from '../../policy/wording.ts';
import { alertSituation, itemSituation, join, type Joined } from '../../runbook/gathering.ts';
import { runbookJson } from '../../runbook/json.ts';
import { markdownOf } from '../../runbook/markdown.ts';
import type { Runbook } from '../../runbook/model.ts';
import { templated } from '../../runbook/template.ts';
import { buildRunbook } from '../../runbook/runbook.ts';
import { openStore } from '../../store/open.ts';
import type { Store } from '../../store/store.ts';
import { terminalText } from '../../text/terminal.ts';
import { readRunbookPages } from '../../web/runbooks.ts';
import { findSubject } from '../explain/subject.ts';
import { print } from '../output.ts';
import { terminalWidth } from '../table.ts';
import { runbookScreen } from './screen.ts';

const HELP = `
What to do about an alert, with the real names: what it means, what breaks for whom and when, every place, the owner, how
to look, how to replace it at each place in the right order (trust stores, servers, clients), how to prove it from outside,
and the way back. Commands can be run as they stand, in one shell.

The word is the id of an alert, as it stands in its messages, or the fingerprint of a certificate (8 digits are enough):
its alert, else how it will be replaced one day. Reads the store directly, also beside a running daemon. An unknown word
gives the exit code 3.

Examples:
  notafter runbook 3f9a01bc7d6e5f40
  notafter runbook 3f9a01bc --markdown > runbook.md
  notafter runbook 3f9a01bc --json`;

/** Digits of an alert's id. */
const ALERT_ID = /^[0-9a-f]{16}$/;
/** Things named in a message. */
const MAX_NAMED = 5;

export function runbookCommand(): Command {
  return new Command('runbook')
    .summary('say what to do about an alert or a certificate')
    .description('Say what to do about an alert or a certificate, with the real names and commands.')
    .argument('<word>', 'the id of an alert, or a fingerprint')
    .option('--config <file>', 'the config file, for the place of the store and the templates', 'notafter.yaml')
    .option('--markdown', 'print Markdown instead of text for a terminal')
    .option('--json', 'print one JSON document instead')
    .addHelpText('after', HELP)
    .action(async (word: string, options: { config: string; markdown?: true; json?: true }) => {
      const config = await loadConfig(options.config, process.env);
      const store = await openStore(config.store, { readOnly: true });
      try {
        const pages = await readRunbookPages(RULES);
        const joined = join(await store.inventory.locations(), pages, Date.now());
        const { templates } = config.runbooks;
        const markdown = (runbook: Runbook): string => templated(runbook, templates) ?? markdownOf(runbook);
        const screen = (runbook: Runbook): string => {
          const own = templated(runbook, templates);
          return own === undefined
            ? runbookScreen(runbook, terminalWidth())
            : own.split('\n').map(terminalText).join('\n');
        };
        const runbooks = await runbooksFor(word, joined, store);
        print(
          options.json === true
            ? JSON.stringify({ runbooks: runbooks.map((one) => runbookJson(one, templates)) }, undefined, 2)
            : runbooks.map((one) => (options.markdown === true ? markdown(one) : screen(one))).join('\n\n'),
        );
      } finally {
        await store.close();
      }
    });
}

/** Throws an Error that says what is meant by an unclear word. */
async function runbooksFor(word: string, joined: Joined, store: Store): Promise<readonly Runbook[]> {
  if (ALERT_ID.test(word)) {
    const [alert] = await store.alerts.alertsById([word]);
    if (alert !== undefined) return [buildRunbook(alertSituation(alert, joined))];
  }
  const subject = findSubject(word, joined.locations);
  if (subject.kind === 'several') {
    const named = subject.items.slice(0, MAX_NAMED).map((item) => `  ${item.id} (${titleOf(item)})`);
    throw new Error(
      [`${subject.items.length} fingerprints begin with ${terminalText(word)}:`, ...named.map(terminalText)].join('\n'),
    );
  }
  if (subject.kind !== 'item') throw new Error(unknownText(word, subject.kind === 'locations'));
  const alerts = (await store.alerts.alerts({ state: 'open' })).filter(({ cause }) => cause === subject.item.id);
  return alerts.length === 0
    ? [buildRunbook(itemSituation(subject.item, joined))]
    : alerts.map((alert) => buildRunbook(alertSituation(alert, joined)));
}

function unknownText(word: string, isLocation: boolean): string {
  const hint = isLocation
    ? `${terminalText(word)} is a location: "notafter explain ${terminalText(word)}" names the certificates there`
    : `the store knows no alert or certificate called ${terminalText(word)}; "notafter list --json" has all fingerprints`;
  return hint;
}
