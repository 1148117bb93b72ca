import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGES = globSync('**/*.md', { cwd: ROOT, exclude: ['**/node_modules/**', 'dist/**'] });

/** What a heading is called in a link, as GitHub does it. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = [...page.matchAll(/^#+ +(.+)$/gm)].map((match) => match[1] ?? '');
  return new Set(
    headings.map((heading) =>
      heading
        .trim()
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Links of a page to other files of the project. What stands in a block of code is none. */
function linksOf(page: string): readonly string[] {
  const text = page.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '');
  const links = [...text.matchAll(/\]\(<?([^)>\s]+)>?\)/g)].map((match) => match[1] ?? '');
  return links.filter((link) => !/^[a-z][a-z0-9+.-]*:/.test(link));
}

it('finds the pages', () => {
  expect(PAGES).toEqual(expect.arrayContaining(['README.md', 'docs/reference/soak.md', 'collectors/file/README.md']));
});

it.each(PAGES)('%s links to what is there', (name) => {
  const broken = linksOf(readFileSync(path.join(ROOT, name), 'utf8')).filter((link) => {
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path.join(ROOT, name) : path.join(ROOT, path.dirname(name), file);
    if (!existsSync(target)) return true;
    return anchor !== undefined && target.endsWith('.md') && !anchorsOf(readFileSync(target, 'utf8')).has(anchor);
  });
  expect(broken).toEqual([]);
});
