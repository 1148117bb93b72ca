import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

import { withoutUserinfo } from '../../../collectors/endpoint/target.ts';

/** What a word on the command line of `check` means. */
export type CheckTarget =
  { readonly kind: 'endpoint'; readonly text: string } | { readonly kind: 'file'; readonly text: string };

/** Endings of file names that are no top-level domain: a misspelt file is to be missed as a file, not looked up as a host. */
const FILE_NAME = /\.(?:pem|crt|cer|cert|der|crl|csr|key|p7b|p7c|p12|pfx|jks|jceks)$/i;

/**
 * Tells hosts from paths. A path is what begins like one, holds a slash or a glob sign, is named like a file of
 * certificates, or exists; everything else is a host. A user name and password in it are left out: they reach no output.
 */
export function classify(text: string): CheckTarget {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return { kind: 'endpoint', text: withoutUserinfo(text) };
  const looksLikePath =
    /^[.~\\]/.test(text) || /^[A-Za-z]:\\/.test(text) || /[/*?{]/.test(text) || FILE_NAME.test(text);
  return looksLikePath || existsSync(text)
    ? { kind: 'file', text: path.resolve(expandHome(text)) }
    : { kind: 'endpoint', text: withoutUserinfo(text) };
}

function expandHome(text: string): string {
  return text === '~' || text.startsWith('~/') ? path.join(homedir(), text.slice(1)) : text;
}
