import { isNode, LineCounter, parseDocument } from 'yaml';

import { targetsOf, type DocumentResult } from './target-document.ts';

/** Reads a document of YAML, or of JSON, which is YAML too. Repeats nothing of it but the target that is none. */
export function isolated(text: string): DocumentResult {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  function at(offset: number): { readonly line: number; readonly column: number } {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
  const [error] = document.errors.toSorted((one, other) => one.pos[0] - other.pos[0]);
  if (error !== undefined) {
    return { kind: 'fault', ...at(error.pos[0]), message: `this is neither JSON nor YAML (${error.code})` };
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch {
    return { kind: 'fault', message: 'too many aliases, or aliases that lead nowhere' };
  }
  const found = targetsOf(value);
  if (!('path' in found)) return { kind: 'targets', targets: found };
  for (let depth = found.path.length; depth >= 0; depth--) {
    const node = depth === 0 ? document.contents : document.getIn(found.path.slice(0, depth), true);
    if (isNode(node) && node.range) return { kind: 'fault', ...at(node.range[0]), message: found.message };
  }
  return { kind: 'fault', message: found.message };
}
