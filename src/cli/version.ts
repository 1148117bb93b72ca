import { readFileSync } from 'node:fs';

/** The version of the package, beside the source and beside what was built from it. */
export function version(): string {
  const up = import.meta.url.includes('/dist/src/') ? '../../../package.json' : '../../package.json';
  const manifest = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { readonly version: string };
  return manifest.version;
}
