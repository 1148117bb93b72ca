import { safeText } from './safe-text.ts';

/** Longer than any path that a file system allows. */
const MAX_WORD = 4_096;

/** Words that no shell reads anything into. */
const PLAIN = /^[\w./:@%+=,-]+$/;

/**
 * One word for a POSIX shell. Names of places come from hostile sources too: whatever is in them stays one harmless word.
 * (Control characters are gone: a pasted line break would run what follows it.)
 */
export function quote(word: string): string {
  const text = safeText(word, { max: MAX_WORD });
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
