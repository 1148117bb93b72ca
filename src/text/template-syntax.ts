/** A template that cannot be used. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  /** The message without the position. */
  readonly fault: string;
  /** Absent where it is about the whole. */
  readonly position: Position | undefined;

  constructor(fault: string, position?: Position) {
    super(position === undefined ? fault : `${fault} (line ${position.line}, column ${position.column})`);
    this.fault = fault;
    this.position = position;
  }
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

export type Filter =
  | { readonly name: 'json' | 'upper' | 'lower' }
  | { readonly name: 'cut'; readonly length: number }
  | { readonly name: 'default'; readonly text: string };

export interface Expression {
  readonly path: readonly string[];
  readonly filters: readonly Filter[];
  readonly position: Position;
}

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly expression: Expression }
  | {
      readonly kind: 'block';
      readonly block: Block;
      readonly expression: Expression;
      readonly inside: readonly Node[];
      readonly otherwise: readonly Node[];
    };

type Block = 'if' | 'unless' | 'each';

const MAX_SOURCE = 16_384;
const MAX_DEPTH = 8;
const MAX_CUT = 2_000;

/** Between two tags there is text; a tag is at most this long, so that a missing `}}` is found where it is. */
const TAG = /\{\{([^{}]{0,300})\}\}/g;
const PATH = /^@?[A-Za-z_][\w-]*(?:\.[\w-]+)*$/;

/** A block that is open, with what it holds so far. */
interface Open {
  readonly block: Block;
  readonly expression: Expression;
  readonly inside: Node[];
  readonly otherwise: Node[];
  isElse: boolean;
}

/** Reads a template. Throws TemplateError. */
export function parseTemplate(source: string): readonly Node[] {
  if (source.length > MAX_SOURCE) throw new TemplateError(`the template is longer than ${MAX_SOURCE} characters`);
  const root: Node[] = [];
  const open: Open[] = [];
  const add = (node: Node): void => {
    const block = open.at(-1);
    (block === undefined ? root : block.isElse ? block.otherwise : block.inside).push(node);
  };
  let end = 0;
  for (const match of source.matchAll(TAG)) {
    addText(source, end, match.index, add);
    end = match.index + match[0].length;
    readTag((match[1] ?? '').trim(), positionOf(source, match.index), open, add);
  }
  addText(source, end, source.length, add);
  const left = open.at(-1);
  if (left !== undefined) throw new TemplateError(`{{#${left.block}}} is never closed`, left.expression.position);
  return root;
}

function addText(source: string, from: number, to: number, add: (node: Node) => void): void {
  if (from === to) return;
  const text = source.slice(from, to);
  const stray = text.indexOf('{{');
  if (stray >= 0) throw new TemplateError('{{ without its }}', positionOf(source, from + stray));
  add({ kind: 'text', text });
}

function readTag(tag: string, position: Position, open: Open[], add: (node: Node) => void): void {
  const begin = /^#(if|unless|each)\s+(\S.*)$/.exec(tag);
  if (begin !== null) {
    if (open.length >= MAX_DEPTH) throw new TemplateError(`more than ${MAX_DEPTH} blocks inside each other`, position);
    const expression = readExpression(begin[2] ?? '', position);
    if (expression.filters.length > 0) throw new TemplateError('a block takes no filter', position);
    open.push({ block: begin[1] as Block, expression, inside: [], otherwise: [], isElse: false });
    return;
  }
  const block = open.at(-1);
  if (tag === 'else') {
    if (block === undefined || block.isElse) throw new TemplateError('{{else}} outside of a block', position);
    block.isElse = true;
    return;
  }
  if (tag.startsWith('/')) {
    if (block === undefined || tag.slice(1) !== block.block) {
      throw new TemplateError(`{{${tag}}} closes nothing that is open`, position);
    }
    open.pop();
    const { isElse: _isElse, ...rest } = block;
    add({ kind: 'block', ...rest });
    return;
  }
  add({ kind: 'value', expression: readExpression(tag, position) });
}

function readExpression(text: string, position: Position): Expression {
  const [path = '', ...filters] = text.split('|').map((part) => part.trim());
  if (!PATH.test(path)) {
    throw new TemplateError(
      `"${path}" is no name; e.g. {{ headline }}, {{#each alerts}}, {{ title | cut 80 }}`,
      position,
    );
  }
  return { path: path.split('.'), filters: filters.map((filter) => readFilter(filter, position)), position };
}

function readFilter(text: string, position: Position): Filter {
  if (text === 'json' || text === 'upper' || text === 'lower') return { name: text };
  const cut = /^cut (\d{1,5})$/.exec(text);
  if (cut !== null && Number(cut[1]) > 0 && Number(cut[1]) <= MAX_CUT) return { name: 'cut', length: Number(cut[1]) };
  const fallback = /^default "([^"]*)"$/.exec(text);
  if (fallback !== null) return { name: 'default', text: fallback[1] ?? '' };
  throw new TemplateError(
    `there is no filter "${text}"; there are: json, upper, lower, cut 80 (at most ${MAX_CUT}), default "text"`,
    position,
  );
}

function positionOf(source: string, index: number): Position {
  const before = source.slice(0, index).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
