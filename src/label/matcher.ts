import type { Labels } from './labels.ts';
import { compilePattern } from './pattern.ts';
import { PatternError } from './pattern-syntax.ts';

/** A text that is no matcher; `position` is the offset in it, counted from 0. */
export class MatcherError extends Error {
  override readonly name = 'MatcherError';
  readonly position: number;

  constructor(rule: string, text: string, position: number) {
    const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
    super(`${rule} in ${shown} at character ${position + 1}; a matcher is written like severity="critical"`);
    this.position = position;
  }
}

export type MatcherOperator = '=' | '!=' | '=~' | '!~';

/** One condition on a label. A label that is not there has the empty value. */
export interface Matcher {
  readonly name: string;
  readonly operator: MatcherOperator;
  /** The text or, for `=~` and `!~`, the regular expression. */
  readonly value: string;
  /** Whether a value of the label satisfies the condition. */
  readonly accepts: (value: string) => boolean;
}

const MAX_LENGTH = 4096;
/** Answers that a matcher remembers, and the longest value of which it does. */
const MAX_REMEMBERED = 1_000;
const MAX_REMEMBERED_LENGTH = 256;
const NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const OPERATOR = /=~|!~|!=|=/y;
const SPACE = /\s*/y;

/**
 * Reads one matcher of Alertmanager's syntax: `severity="critical"`, `owner!="web"`, `instance=~"api-.+"`, `env!~"dev|qa"`.
 * In quotes, `\"`, `\\` and `\n` are escapes; without quotes the value ends at the end of the text. Regular expressions
 * are RE2's, match the whole value and take linear time. Throws `MatcherError`.
 */
export function parseMatcher(text: string): Matcher {
  if (text.length > MAX_LENGTH) throw new MatcherError(`more than ${MAX_LENGTH} characters`, text, MAX_LENGTH);
  const nameStart = behindSpace(text, 0);
  const name = matchAt(NAME, text, nameStart);
  if (name === undefined) throw new MatcherError('a label name is missing', text, nameStart);
  const operatorStart = behindSpace(text, nameStart + name.length);
  const operator = matchAt(OPERATOR, text, operatorStart) as MatcherOperator | undefined;
  if (operator === undefined) throw new MatcherError('one of = != =~ !~ is missing', text, operatorStart);
  const valueStart = behindSpace(text, operatorStart + operator.length);
  const value = text[valueStart] === '"' ? quotedValue(text, valueStart) : bareValue(text, valueStart);
  return createMatcher(name, operator, value, text, valueStart);
}

/** Whether all matchers accept the labels. */
export function matches(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every((matcher) =>
    matcher.accepts(Object.hasOwn(labels, matcher.name) ? (labels[matcher.name] ?? '') : ''),
  );
}

/** The matcher as text that `parseMatcher` reads. */
export function formatMatcher(matcher: Pick<Matcher, 'name' | 'operator' | 'value'>): string {
  const escaped = matcher.value.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n');
  return `${matcher.name}${matcher.operator}"${escaped}"`;
}

function createMatcher(name: string, operator: MatcherOperator, value: string, text: string, at: number): Matcher {
  switch (operator) {
    case '=':
      return { name, operator, value, accepts: (actual) => actual === value };
    case '!=':
      return { name, operator, value, accepts: (actual) => actual !== value };
    case '=~':
    case '!~': {
      const test = remembering(compile(value, text, at));
      return { name, operator, value, accepts: operator === '=~' ? test : (actual) => !test(actual) };
    }
  }
}

/** Labels have few values, and each is asked for again and again. */
function remembering(test: (value: string) => boolean): (value: string) => boolean {
  const known = new Map<string, boolean>();
  return (value) => {
    const before = known.get(value);
    if (before !== undefined) return before;
    const accepted = test(value);
    if (value.length <= MAX_REMEMBERED_LENGTH) {
      if (known.size === MAX_REMEMBERED) known.clear();
      known.set(value, accepted);
    }
    return accepted;
  };
}

function compile(pattern: string, text: string, at: number): (value: string) => boolean {
  try {
    return compilePattern(pattern);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new MatcherError(`${error.message} (in the regular expression)`, text, at);
  }
}

function quotedValue(text: string, start: number): string {
  let value = '';
  for (let index = start + 1; index < text.length; index++) {
    const character = text[index] as string;
    if (character === '"') {
      const rest = behindSpace(text, index + 1);
      if (rest < text.length) throw new MatcherError('there is something behind the value', text, rest);
      return value;
    }
    if (character !== '\\') {
      value += character;
      continue;
    }
    const escaped = text[++index];
    // As in Alertmanager, other escapes stay as they are: regular expressions are full of them.
    if (escaped === 'n') value += '\n';
    else if (escaped === '"' || escaped === '\\') value += escaped;
    else value += `\\${escaped ?? ''}`;
  }
  throw new MatcherError('the closing quote is missing', text, start);
}

function bareValue(text: string, start: number): string {
  const value = text.slice(start).trimEnd();
  const quote = value.indexOf('"');
  if (quote >= 0) throw new MatcherError('a quote inside a value that has none around it', text, start + quote);
  return value;
}

function behindSpace(text: string, from: number): number {
  return from + (matchAt(SPACE, text, from)?.length ?? 0);
}

function matchAt(expression: RegExp, text: string, at: number): string | undefined {
  expression.lastIndex = at;
  return expression.exec(text)?.[0];
}
