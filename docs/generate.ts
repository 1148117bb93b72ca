/*
 * npm run generate: writes what is derived from the code into the docs. A test keeps both equal.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { format, resolveConfig } from 'prettier';

import { channels } from '../alerts/index.ts';
import { collectors } from '../collectors/index.ts';
import { RULE_SUMMARIES } from '../src/policy/rule-list.ts';
import { agreementTable } from './agreement-table.ts';
import { formatsTable } from './formats-table.ts';
import { messagePayloads } from './message-payloads.ts';

const README = new URL('../README.md', import.meta.url);
const FORMATS = new URL('reference/formats.md', import.meta.url);
const AGREEMENT = new URL('reference/agreement.md', import.meta.url);
const MESSAGES = new URL('reference/messages.md', import.meta.url);

/** The README with its generated parts made anew, laid out as all our prose. Throws when a marker is missing. */
export async function generatedReadme(text: string): Promise<string> {
  const withCollectors = replaced(text, 'collectors', pluginTable('Source', 'collectors', collectors));
  const withChannels = replaced(withCollectors, 'channels', pluginTable('Channel', 'alerts', channels));
  const whole = replaced(withChannels, 'rules', ruleTable());
  return format(whole, { ...(await resolveConfig(README)), parser: 'markdown' });
}

/** The page of the formats with its table made anew. Throws when a marker is missing. */
export async function generatedFormats(text: string, read?: Parameters<typeof formatsTable>[0]): Promise<string> {
  return format(replaced(text, 'formats', formatsTable(read)), {
    ...(await resolveConfig(FORMATS)),
    parser: 'markdown',
  });
}

/** The page of the disagreements with its table made anew. Throws when a marker is missing. */
export async function generatedAgreement(text: string): Promise<string> {
  const whole = replaced(text, 'disagreements', agreementTable());
  return format(whole, { ...(await resolveConfig(AGREEMENT)), parser: 'markdown' });
}

/** The page of the messages with its payloads made anew. Throws when a marker is missing. */
export async function generatedMessages(text: string): Promise<string> {
  let whole = text;
  for (const [marker, block] of messagePayloads()) whole = replaced(whole, marker, block);
  return format(whole, { ...(await resolveConfig(MESSAGES)), parser: 'markdown' });
}

function pluginTable(
  title: string,
  folder: string,
  plugins: readonly { readonly type: string; readonly summary: string }[],
): string {
  const rows = plugins.map(({ type, summary }) => `| [\`${type}\`](${folder}/${type}/README.md) | ${summary} |`);
  return [`| ${title} | What it does |`, '| --- | --- |', ...rows].join('\n');
}

function ruleTable(): string {
  const rows = Object.entries(RULE_SUMMARIES).map(
    ([rule, { family, when }]) => `| [\`${rule}\`](docs/runbooks/${rule}.md) | ${family} | ${when} |`,
  );
  return ['| Rule | Family | Fires when |', '| --- | --- | --- |', ...rows].join('\n');
}

function replaced(text: string, marker: string, content: string): string {
  const [begin, end] = [`<!-- begin ${marker} -->`, `<!-- end ${marker} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no part "${marker}"`);
  return `${text.slice(0, from + begin.length)}\n${content}\n${text.slice(to)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(README, await generatedReadme(readFileSync(README, 'utf8')));
  writeFileSync(FORMATS, await generatedFormats(readFileSync(FORMATS, 'utf8')));
  writeFileSync(AGREEMENT, await generatedAgreement(readFileSync(AGREEMENT, 'utf8')));
  writeFileSync(MESSAGES, await generatedMessages(readFileSync(MESSAGES, 'utf8')));
}
