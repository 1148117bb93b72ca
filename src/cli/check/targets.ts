import { existsSync } from 'node:fs';
import path from 'node:path';

/** What a word on the command line of `check` means. */
export type CheckTarget = { readonly kind: 'endpoint'; readonly text: string } | { readonly kind: 'file'; readonly text: string };

/**
 * Tells hosts from paths. A path is what begins like one, holds a glob sign, or exists; everything else is a host, so
 * that a misspelt file name is reported as neither.
 */
export function classify(text: string): CheckTarget {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return { kind: 'endpoint', text };
  const looksLikePath = /^(?:[./~\\]|[A-Za-z]:\\)/.test(text) || /[*?{]/.test(text) || text.includes('/') || existsSync(text);
  return looksLikePath ? { kind: 'file', text: path.resolve(expandHome(text)) } : { kind: 'endpoint', text };
}

function expandHome(text: string): string {
  return text === '~' || text.startsWith('~/') ? path.join(process.env['HOME'] ?? '', text.slice(1)) : text;
}
