import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

/** What the linter must refuse in a room of the house, and the rule that does. */
const refused: readonly (readonly [rule: string, code: string])[] = [
  ['typescript(no-floating-promises)', `export function start(): void { work(); }`],
  ['typescript(no-misused-promises)', `export function later(): void { setTimeout(work, 1); }`],
  [
    'typescript(switch-exhaustiveness-check)',
    `export function rank(kind: Kind): number { switch (kind) { case 'a': return 1; } return 0; }`,
  ],
  [
    'typescript(consistent-type-imports)',
    `import { Socket } from 'node:net'; export function name(socket: Socket): string { return String(socket.localPort); }`,
  ],
  ['typescript(no-explicit-any)', `export function text(value: any): string { return String(value); }`],
  [
    'typescript(no-non-null-assertion)',
    `export function first(values: readonly string[]): string { return values[0]!; }`,
  ],
  ['import(no-default-export)', `export default function thing(): number { return 1; }`],
  ['eslint(func-style)', `export const one = function (): number { return 1; };`],
  ['eslint(no-console)', `export function say(): void { console.log('x'); }`],
  ['eslint(no-warning-comments)', `// TODO later\nexport const later = 1;`],
  ['eslint(no-restricted-properties)', `export function now(): number { return Date.now(); }`],
  ['eslint(no-restricted-properties)', `export function dice(): number { return Math.random(); }`],
  [
    'eslint(no-restricted-properties)',
    `import type { TLSSocket } from 'node:tls'; export function peer(socket: TLSSocket): unknown { return socket.getPeerCertificate(true); }`,
  ],
  [
    'eslint(no-restricted-properties)',
    `import type { X509Certificate } from 'node:crypto'; export function legacy(certificate: X509Certificate): unknown { return certificate['toLegacyObject'](); }`,
  ],
  ['unicorn(prefer-node-protocol)', `import { readFileSync } from 'fs'; export const read = readFileSync;`],
  ['unicorn(no-process-exit)', `export function stop(): void { process.exit(1); }`],
];

/** What is allowed where it belongs. */
const accepted: Readonly<Record<string, string>> = {
  'src/cli/say.ts': `export function say(): void {\n  console.log(Date.now());\n}\n`,
  'src/look/awaited.ts': `export async function awaited(values: readonly Promise<number>[]): Promise<number> {\n  let sum = 0;\n  for (const value of values) sum += await value;\n  return sum;\n}\n`,
  'vitest.config.ts': `export default {};\n`,
  'test/look/awaited.test.ts': `import { expect, test } from 'vitest';\n\ntest('one is one', () => {\n  console.log('x');\n  expect(1).toBe(1);\n});\n`,
};

const prelude = `export type Kind = 'a' | 'b';\nexport async function work(): Promise<void> {\n  await Promise.resolve();\n}\n`;

interface Report {
  readonly diagnostics: readonly { readonly code: string; readonly filename: string; readonly help?: string }[];
}

let tree: string;
let report: Report;

beforeAll(async () => {
  tree = await mkdtemp(path.join(tmpdir(), 'notafter-lint-'));
  const files: Record<string, string> = { ...accepted, 'src/look/CamelCase.ts': `export const camel = 1;\n` };
  for (const [index, [, code]] of refused.entries()) files[`src/look/planted-${index}.ts`] = `${prelude}${code}\n`;
  for (const [file, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(tree, file)), { recursive: true });
    await writeFile(path.join(tree, file), text);
  }
  for (const name of ['node_modules', 'package.json', 'tsconfig.json', '.oxlintrc.json']) {
    await symlink(path.join(root, name), path.join(tree, name));
  }
  const stdout = await new Promise<string>((resolve) => {
    const oxlint = path.join(root, 'node_modules/.bin/oxlint');
    execFile(process.execPath, [oxlint, '--format', 'json'], { cwd: tree, timeout: 60_000 }, (_error, out) =>
      resolve(out),
    );
  });
  report = JSON.parse(stdout) as Report;
});

afterAll(() => rm(tree, { recursive: true, force: true }));

function rulesBrokenBy(file: string): string[] {
  return report.diagnostics.filter((diagnostic) => diagnostic.filename === file).map(({ code }) => code);
}

test.each(refused.map(([rule, code], index) => ({ rule, code, index })))('$rule refuses $code', ({ rule, index }) => {
  expect(rulesBrokenBy(`src/look/planted-${index}.ts`)).toEqual([rule]);
});

test('a file name in another case than kebab is refused', () => {
  expect(rulesBrokenBy('src/look/CamelCase.ts')).toEqual(['unicorn(filename-case)']);
});

test.each(Object.keys(accepted))('%s is accepted as it stands', (file) => {
  expect(rulesBrokenBy(file)).toEqual([]);
});

/** `const f = () => …` at the beginning of a line, in a file of the house. */
const arrowAtTheTop = /^(?:export )?const \w+ = (?:async )?(?:<[^>]*>)?(?:\([^)]*\)|\w+)(?:: [^=]+)? =>/gm;

test('functions of a file are declared, not assigned', async () => {
  const found: string[] = [];
  for (const folder of ['src', 'collectors', 'alerts', 'dashboards']) {
    for (const name of await readdir(path.join(root, folder), { recursive: true })) {
      const text = name.endsWith('.ts') ? await readFile(path.join(root, folder, name), 'utf8') : '';
      for (const [match] of text.matchAll(arrowAtTheTop)) found.push(`${folder}/${name}: ${match}`);
    }
  }

  expect(found).toEqual([]);
});

test('whoever asks the socket for its certificate is told what to use instead', () => {
  const peer = refused.findIndex(([, code]) => code.includes('getPeerCertificate'));

  expect(report.diagnostics.find(({ filename }) => filename === `src/look/planted-${peer}.ts`)?.help).toBe(
    'Use the tap: it yields the certificates exactly as served.',
  );
});
