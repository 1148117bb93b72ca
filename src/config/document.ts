import { type Document, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';

import { SECRET_KEY } from '../plugin/options.ts';
import { syntaxFault } from './syntax.ts';

type Path = readonly PropertyKey[];

/** One thing wrong with a config, at a place that an editor can jump to. Lines and columns begin at 1. */
export interface ConfigProblem {
  readonly line: number;
  readonly column: number;
  /** `sources[0].targets`; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
  /** Where that is another file than the config itself. */
  readonly file?: string;
}

/** Everything that is wrong with a config, at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[]) {
    const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
    super(sorted.map((problem) => describe(file, problem)).join('\n'));
    this.file = file;
    this.problems = sorted;
  }
}

function describe(file: string, problem: ConfigProblem): string {
  const key = problem.key === '' ? '' : `${problem.key}: `;
  return `${problem.file ?? file}:${problem.line}:${problem.column}: ${key}${problem.message}`;
}

/** The text of a config with the places of its parts. */
export interface ConfigDocument {
  /** Plain data with environment variables filled in, except under secret keys. */
  readonly value: unknown;
  /** Where the value at `path` stands, or its nearest parent; with `key`, where that key of it stands. */
  locate(path: Path, key?: string): { line: number; column: number };
}

/** Parses YAML and fills in `${NAME}`; `$$` is a dollar sign. Throws ConfigError. */
export function readDocument(
  file: string,
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const position = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const fault = syntaxFault(text, document.errors, lines);
  if (fault !== undefined) {
    throw new ConfigError(file, [
      { ...position(fault.offset), key: '', message: `this is not YAML: ${fault.message}` },
    ]);
  }
  const problems: ConfigProblem[] = [];
  const anchors = new Set<string>();
  visit(document, {
    Alias(_key, node) {
      if (anchors.has(node.source)) return;
      const message =
        'what begins with * refers to an anchor (&), and there is none of this name; quote it if it is text';
      problems.push({ ...position(node.range?.[0] ?? 0), key: '', message });
    },
    Collection(_key, node) {
      if (node.anchor !== undefined) anchors.add(node.anchor);
    },
    Scalar(key, node, path) {
      if (node.anchor !== undefined) anchors.add(node.anchor);
      if (typeof node.value !== 'string' || key === 'key' || !node.value.includes('$')) return;
      const where = pathOf(path, key);
      const secret = SECRET_KEY.test(String(where.at(-1)));
      node.value = node.value.replace(/\$\$|\$\{([^}]*)\}/g, (match, variable: string | undefined) => {
        if (variable === undefined) return '$';
        if (environment[variable] === undefined) {
          problems.push({
            ...position(node.range?.[0] ?? 0),
            key: pathText(where),
            message: `the environment variable ${variable} is not set`,
          });
        }
        return secret ? match : (environment[variable] ?? '');
      });
    },
  });
  if (problems.length > 0) throw new ConfigError(file, problems);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch {
    // What the library says may repeat a part of the file; unresolved aliases were found above.
    throw new ConfigError(file, [{ line: 1, column: 1, key: '', message: 'too many aliases, or aliases in a circle' }]);
  }
  return { value: value ?? {}, locate: (path, key) => position(offsetOf(document, path, key)) };
}

/** The path of a scalar from the nodes above it and its own key or index. */
function pathOf(above: readonly unknown[], key: number | string | null): Path {
  const path: PropertyKey[] = [];
  for (const [depth, node] of above.entries()) {
    if (isPair(node) && isScalar(node.key)) path.push(String(node.key.value));
    const child = above[depth + 1];
    if (isSeq(node) && child !== undefined) path.push(node.items.indexOf(child));
  }
  return typeof key === 'number' ? [...path, key] : path;
}

function offsetOf(document: Document, path: Path, key: string | undefined): number {
  for (let depth = path.length; depth >= 0; depth--) {
    const node = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    if (!isNode(node)) continue;
    if (depth === path.length && key !== undefined && isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
      if (pair !== undefined && isScalar(pair.key) && pair.key.range) return pair.key.range[0];
    }
    if (node.range) return node.range[0];
  }
  return 0;
}

/** `['sources', 0, 'targets']` → `sources[0].targets`. */
export function pathText(path: Path): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}
