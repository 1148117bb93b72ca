import { Command } from 'commander';

import { loadConfig } from '../../config/load.ts';
import { openStore } from '../../store/open.ts';
import { terminalText } from '../../text/terminal.ts';
import { titleOf } from '../../policy/wording.ts';
import { print } from '../output.ts';
import { terminalWidth } from '../table.ts';
import { explainItem, itemScreen } from './item.ts';
import { itemJson, locationsJson } from './json.ts';
import { gather, withTranscripts, type Knowledge } from './knowledge.ts';
import { locationsScreen, MAX_FULL } from './location.ts';
import { findSubject, MIN_PREFIX, type Subject } from './subject.ts';

const HELP = `
A location, a target or a host: how the last look went, what is there and what limits it, what is wrong and by which
thresholds, every client identity with the verdict of the server, its evidence, and the day on which it fails; and what
passed on the wire: each message, its extensions and each alert, by name and number.
A fingerprint, or its first ${MIN_PREFIX} digits: every place of the certificate, everything that breaks on its last day, what to do.

Reads the store directly, also beside a running daemon. An unknown word gives the exit code 3.

Examples:
  notafter explain api.example.com
  notafter explain /etc/ssl/api.pem
  notafter explain 3f9a01bc --json`;

/** Locations and items named in a message. */
const MAX_NAMED = 5;

export function explainCommand(): Command {
  return new Command('explain')
    .summary('say all that is known of a place or certificate')
    .description('Say everything that is known of a location, a host or a certificate.')
    .argument('<word>', 'a location, a host, or a fingerprint')
    .option('--config <file>', 'the config file, for the place of the store and the policy', 'notafter.yaml')
    .option('--json', 'print one JSON document instead')
    .addHelpText('after', HELP)
    .action(async (word: string, options: { config: string; json?: true }) => {
      const config = await loadConfig(options.config, process.env);
      const store = await openStore(config.store, { readOnly: true });
      try {
        const known = await gather(store, config, Date.now());
        const subject = findSubject(word, known.locations);
        const explained = subject.kind === 'locations' ? subject.locations.slice(0, MAX_FULL) : [];
        print(answer(word, subject, await withTranscripts(known, explained, store), options.json === true));
      } finally {
        await store.close();
      }
    });
}

/** Throws an Error that says what is meant by an unclear word. */
function answer(word: string, subject: Subject, known: Knowledge, asJson: boolean): string {
  switch (subject.kind) {
    case 'locations':
      return asJson
        ? json(locationsJson(subject.locations, known))
        : locationsScreen(subject.locations, known, terminalWidth());
    case 'item': {
      const explained = explainItem(subject.item, known);
      return asJson ? json(itemJson(explained)) : itemScreen(explained, known, terminalWidth());
    }
    case 'several': {
      const named = subject.items.slice(0, MAX_NAMED).map((item) => `  ${item.id} (${titleOf(item)})`);
      const more = subject.items.length > MAX_NAMED ? ['  …'] : [];
      throw new Error(
        [
          `${subject.items.length} fingerprints begin with ${terminalText(word)}:`,
          ...named.map((line) => terminalText(line)),
          ...more,
        ].join('\n'),
      );
    }
    case 'unknown':
      throw new Error(unknownText(word, subject.near));
  }
}

function unknownText(word: string, near: readonly string[]): string {
  const isShort = /^[0-9a-f:]+$/i.test(word) && word.replaceAll(':', '').length < MIN_PREFIX;
  const hint = isShort ? `; of a fingerprint, give at least ${MIN_PREFIX} digits` : '';
  const alike =
    near.length === 0
      ? '; "notafter list" shows everything that it knows'
      : ['; near it:', ...near.map((name) => `  ${terminalText(name)}`)].join('\n');
  return `the store knows nothing called ${terminalText(word)}${hint}${alike}`;
}

function json(value: object): string {
  return JSON.stringify(value, undefined, 2);
}
