import { hash } from 'node:crypto';

import { safeText } from '../text/safe-text.ts';

/** Label values are cut here: a series is a name, not a document. */
const MAX_LABEL = 256;

/** Most values are this, and need no second look. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** Text as a label value. One that had to be cleaned or cut gets a mark of its own, so that two never become one series. */
export function labelValue(text: string): string {
  const safe = safeText(text, { max: MAX_LABEL });
  if (safe === text) return text;
  const mark = `~${hash('sha256', text, 'hex').slice(0, 8)}`;
  return safeText(text, { max: MAX_LABEL - mark.length }) + mark;
}

/** `name="value"`, as it stands between the braces of a series. Takes text of any origin. */
export function labelPair(name: string, text: string): string {
  return `${name}="${escaped(text)}"`;
}

/** Pairs of labels, joined: `a="1",b="2"`. */
export function labelPairs(labels: Readonly<Record<string, string>>): string {
  let joined = '';
  for (const name in labels) joined += `${joined === '' ? '' : ','}${name}="${escaped(labels[name] ?? '')}"`;
  return joined;
}

function escaped(text: string): string {
  if (text.length <= MAX_LABEL && PLAIN.test(text)) return text;
  return labelValue(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
