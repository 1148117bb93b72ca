import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Beside the source, and beside what was built from it. */
const ASSETS = new URL(
  import.meta.url.includes('/dist/src/') ? '../../../src/web/assets/' : './assets/',
  import.meta.url,
);

const TYPES = {
  'style.css': 'text/css; charset=utf-8',
  'notafter.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const;

export interface Asset {
  readonly type: string;
  readonly text: string;
}

/** All there are, by name: no other name reaches the file system. */
export const ASSET_FILES: ReadonlyMap<string, Asset> = new Map(
  Object.entries(TYPES).map(([name, type]) => [name, { type, text: readFileSync(new URL(name, ASSETS), 'utf8') }]),
);

/** Changes when one of them does. */
export const ASSETS_VERSION = hash('sha256', [...ASSET_FILES.values()].map(({ text }) => text).join('\0'), 'hex').slice(
  0,
  12,
);
