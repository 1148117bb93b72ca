import { escapeHtml } from './html.ts';
import { escapeMarkdown } from './markdown.ts';
import { safeText } from './safe-text.ts';
import { quote } from './shell.ts';
import { parseTemplate, TemplateError, type Expression, type Filter, type Node } from './template-syntax.ts';

export { TemplateError } from './template-syntax.ts';

/** What a template is filled with. */
export type TemplateData =
  string | number | boolean | null | readonly TemplateData[] | { readonly [name: string]: TemplateData };

/** What the filled template is: by it every value is escaped. */
export type TemplateSink = 'json' | 'form' | 'html' | 'markdown' | 'shell' | 'text';

export interface RenderOptions {
  /** One for all of it, or by the line of the template on which a value stands. */
  readonly sink: TemplateSink | ((line: number) => TemplateSink);
  readonly maxLength: number;
  /** Finished text of our own by name: it is inserted as it is. */
  readonly sections?: ReadonlyMap<string, string>;
}

export interface Template {
  /**
   * The template filled with `data`: at most `maxLength` UTF-16 units. Every value is made harmless (`safeText`) and
   * escaped for the sink, so that text of others stays text. Throws TemplateError for a name that the data has not, and
   * when it grows beyond its bounds.
   */
  render(data: TemplateData, options: RenderOptions): string;
  /** Looks every name up, in all branches, in data that has at least one entry in each list. Throws TemplateError. */
  check(sample: TemplateData): void;
}

/** A single value is at most this long. */
const MAX_VALUE = 2_000;
/** Values and blocks that one rendering may pass: loops inside loops multiply. */
const MAX_STEPS = 50_000;
/** Maps whose names others choose: what is missing in them is empty. */
const OPEN_MAPS = new Set(['labels']);

/** Scopes from the outermost to the innermost. */
type Scopes = readonly { readonly data: TemplateData; readonly loop?: Loop }[];

interface Loop {
  readonly index: number;
  readonly last: boolean;
}

/**
 * A small language for texts that people configure. It can only insert, choose and repeat: `{{ name.other | filter }}`,
 * `{{#if name}} … {{else}} … {{/if}}`, `{{#unless name}}`, `{{#each name}}`. Throws TemplateError with line and column.
 */
export function compileTemplate(source: string): Template {
  const nodes = parseTemplate(source);
  return {
    render(data, { sink, maxLength, sections }) {
      const parts: string[] = [];
      let length = 0;
      let steps = 0;
      const inserted = (expression: Expression, scopes: Scopes): string => {
        const [name = ''] = expression.path;
        const section = expression.path.length === 1 ? sections?.get(name) : undefined;
        if (section !== undefined) return section;
        return rendered(expression, scopes, typeof sink === 'function' ? sink(expression.position.line) : sink);
      };
      const visit = (children: readonly Node[], scopes: Scopes): void => {
        for (const node of children) {
          steps += 1;
          if (steps > MAX_STEPS) throw new TemplateError('the template repeats itself too often');
          if (node.kind === 'text' || node.kind === 'value') {
            const part = node.kind === 'text' ? node.text : inserted(node.expression, scopes);
            length += part.length;
            if (length > maxLength) throw new TemplateError(`filled, it is longer than ${maxLength} characters`);
            parts.push(part);
          } else for (const [branch, inner] of branches(node, scopes)) visit(branch, inner);
        }
      };
      visit(nodes, [{ data }]);
      return parts.join('');
    },
    check: (sample) => checkNames(nodes, [{ data: sample }]),
  };
}

function checkNames(nodes: readonly Node[], scopes: Scopes): void {
  for (const node of nodes) {
    if (node.kind === 'text') continue;
    const value = lookUp(node.expression, scopes);
    if (node.kind === 'value') continue;
    const first = node.block === 'each' ? listOf(value, node.expression)[0] : undefined;
    checkNames(
      node.inside,
      first === undefined ? scopes : [...scopes, { data: first, loop: { index: 0, last: true } }],
    );
    checkNames(node.otherwise, scopes);
  }
}

/** What a block stands for: its branches to visit, each with its scopes. */
function branches(
  node: Extract<Node, { kind: 'block' }>,
  scopes: Scopes,
): readonly (readonly [readonly Node[], Scopes])[] {
  const value = lookUp(node.expression, scopes);
  switch (node.block) {
    case 'if':
      return [[isFilled(value) ? node.inside : node.otherwise, scopes]];
    case 'unless':
      return [[isFilled(value) ? node.otherwise : node.inside, scopes]];
    case 'each': {
      const list = listOf(value, node.expression);
      if (list.length === 0) return [[node.otherwise, scopes]];
      return list.map((data, index) => {
        const loop = { index, last: index === list.length - 1 };
        return [node.inside, [...scopes, { data, loop }]];
      });
    }
  }
}

function isFilled(value: TemplateData): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== null && value !== false && value !== '' && value !== 0;
}

function listOf(value: TemplateData, expression: Expression): readonly TemplateData[] {
  if (Array.isArray(value)) return value as readonly TemplateData[];
  throw new TemplateError(`"${expression.path.join('.')}" is no list`, expression.position);
}

/** The innermost scope that has the first name wins. */
function lookUp({ path, position }: Expression, scopes: Scopes): TemplateData {
  const [first = '', ...rest] = path;
  const innermost = scopes.at(-1);
  let value: TemplateData | undefined;
  if (first === 'this') value = innermost?.data;
  else if (first.startsWith('@')) value = loopValue(first, innermost?.loop);
  else value = scopes.findLast(({ data }) => fieldOf(data, first) !== undefined)?.data;
  if (first !== 'this' && !first.startsWith('@') && value !== undefined) value = fieldOf(value, first);
  let parent = first;
  for (const name of rest) {
    value = value === undefined ? undefined : innerField(value, name, OPEN_MAPS.has(parent));
    parent = name;
  }
  if (value === undefined) throw new TemplateError(`there is no "${path.join('.')}" here`, position);
  return value;
}

/** What is not there has nothing inside. */
function innerField(value: TemplateData, name: string, isOpenMap: boolean): TemplateData | undefined {
  if (value === null) return null;
  const found = fieldOf(value, name);
  return found === undefined && isOpenMap ? '' : found;
}

function loopValue(name: string, loop: Loop | undefined): TemplateData | undefined {
  switch (name) {
    case '@index':
      return loop?.index;
    case '@first':
      return loop === undefined ? undefined : loop.index === 0;
    case '@last':
      return loop?.last;
    default:
      return undefined;
  }
}

/** Own fields alone; an entry of a list by its number. */
function fieldOf(value: TemplateData, name: string): TemplateData | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!Array.isArray(value)) {
    return Object.hasOwn(value, name) ? (value as Readonly<Record<string, TemplateData>>)[name] : undefined;
  }
  if (!/^\d{1,4}$/.test(name)) return undefined;
  // A list that is shorter is no fault of the template: the entry is empty.
  return (value as readonly TemplateData[])[Number(name)] ?? null;
}

function rendered(expression: Expression, scopes: Scopes, sink: TemplateSink): string {
  let value = lookUp(expression, scopes);
  for (const filter of expression.filters) {
    if (filter.name === 'json' && sink === 'json') return JSON.stringify(value);
    value = filtered(value, filter);
  }
  return escaped(safeText(textOf(value), { max: MAX_VALUE }), sink);
}

function filtered(value: TemplateData, filter: Filter): TemplateData {
  switch (filter.name) {
    case 'json':
      return JSON.stringify(value);
    case 'upper':
      return textOf(value).toUpperCase();
    case 'lower':
      return textOf(value).toLowerCase();
    case 'cut':
      return safeText(textOf(value), { max: filter.length });
    case 'default':
      return isFilled(value) ? value : filter.text;
  }
}

function textOf(value: TemplateData): string {
  if (value === null) return '';
  if (typeof value !== 'object') return String(value);
  return Array.isArray(value) ? value.map((entry: TemplateData) => textOf(entry)).join(', ') : JSON.stringify(value);
}

function escaped(text: string, sink: TemplateSink): string {
  switch (sink) {
    case 'json':
      return JSON.stringify(text).slice(1, -1);
    case 'form':
      return encodeURIComponent(text.toWellFormed());
    case 'html':
      return escapeHtml(text);
    case 'markdown':
      return escapeMarkdown(text);
    case 'shell':
      return quote(text);
    case 'text':
      return text;
  }
}
