import { z } from 'zod';

import type { ConfigDocument, ConfigProblem } from './document.ts';
import { pathText } from './document.ts';
import { SECRET_KEY } from '../plugin/options.ts';
import { nearest } from './nearest.ts';

type Issue = z.core.$ZodIssue;

/** Turns what zod found into problems with a place, an expectation and, for a typing mistake, the word that was meant. */
export function problemsOf(schema: z.ZodObject, issues: readonly Issue[], document: ConfigDocument): ConfigProblem[] {
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? unknownKeys(schema, issue, document) : [one(issue, document)],
  );
}

function unknownKeys(
  schema: z.ZodObject,
  issue: z.core.$ZodIssueUnrecognizedKeys,
  document: ConfigDocument,
): ConfigProblem[] {
  const known = keysAt(schema, issue.path, document.value);
  return issue.keys.map((key) => {
    const similar = nearest(key, known);
    const hint = similar === undefined ? `known here: ${known.toSorted().join(', ')}` : `did you mean "${similar}"?`;
    return {
      ...document.locate(issue.path, key),
      key: pathText([...issue.path, key]),
      message: `unknown key; ${hint}`,
    };
  });
}

function one(issue: Issue, document: ConfigDocument): ConfigProblem {
  const where = { ...document.locate(issue.path), key: pathText(issue.path) };
  // What stands under a secret key is not repeated, wrong as it may be.
  if (issue.path.some((part) => SECRET_KEY.test(String(part)))) return { ...where, message: issue.message };
  return { ...where, message: messageOf(issue, valueAt(document.value, issue.path)) };
}

function messageOf(issue: Issue, found: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return found === undefined
        ? `is missing; expected ${article(issue.expected)}`
        : `expected ${article(issue.expected)}, found ${show(found)}`;
    case 'invalid_value':
      return expectation(issue.values, found);
    case 'invalid_union': {
      if (issue.discriminator === undefined) return issue.message;
      const options = (issue as { options?: readonly unknown[] }).options ?? [];
      return found === undefined ? `is missing; expected ${alternatives(options)}` : expectation(options, found);
    }
    case 'too_small':
      return issue.origin === 'array'
        ? `needs at least ${issue.minimum}`
        : `must be at least ${issue.minimum}, found ${show(found)}`;
    case 'too_big':
      return `must be at most ${issue.maximum}, found ${show(found)}`;
    case 'invalid_format':
      return issue.message.startsWith('Invalid')
        ? `expected ${article(issue.format)}, found ${show(found)}`
        : `${sentence(issue.message)}, found ${show(found)}`;
    case 'invalid_key':
      return `${sentence(issue.issues[0]?.message ?? 'another key')}, found ${show(issue.path.at(-1))}`;
    case 'unrecognized_keys':
    case 'not_multiple_of':
    case 'invalid_element':
    case 'custom':
      return issue.message;
    default:
      return (issue satisfies never as Issue).message;
  }
}

/** Messages of our own schemas either are a sentence already or name what is expected. */
function sentence(message: string): string {
  return /^(?:a secret|expected|must)/.test(message) ? message : `expected ${message}`;
}

/** `expected "info" or "warning", found "wraning"; did you mean "warning"?` */
export function expectation(values: readonly unknown[], found: unknown): string {
  return `expected ${alternatives(values)}, found ${show(found)}${meant(found, values)}`;
}

function meant(found: unknown, values: readonly unknown[]): string {
  const word = typeof found === 'string' ? nearest(found, values.map(String)) : undefined;
  return word === undefined ? '' : `; did you mean "${word}"?`;
}

function alternatives(values: readonly unknown[]): string {
  const words = values.map((value) => JSON.stringify(value));
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;
}

function article(type: string): string {
  const words: Record<string, string> = {
    array: 'a list',
    object: 'a map of keys',
    record: 'a map of keys',
    string: 'text',
    boolean: 'true or false',
    int: 'a whole number',
    number: 'a number',
    url: 'a URL',
  };
  return words[type] ?? type;
}

/** A value as a message shows it: short, and never a long text that may be a secret. */
function show(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map of keys';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const part of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<PropertyKey, unknown>)[part];
  }
  return current;
}

/** The keys that the schema knows at a path of this value. */
function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[], value: unknown): string[] {
  const inner = unwrap(schema, value);
  const [head, ...rest] = path;
  if (head === undefined) return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
  const child = typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[head] : undefined;
  if (inner instanceof z.ZodObject) {
    const next = inner.shape[String(head)];
    return next === undefined ? [] : keysAt(next, rest, child);
  }
  if (inner instanceof z.ZodArray) return keysAt(inner.element, rest, child);
  return [];
}

/** Looks through defaults, optionals and transforms, and picks the member of a union that the value chose by its discriminator. */
function unwrap(schema: z.core.$ZodType, value: unknown): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    return unwrap(schema.unwrap(), value);
  }
  if (schema instanceof z.ZodPipe) return unwrap(schema.in, value);
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const key = schema.def.discriminator;
    const chosen = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
    const member = schema.options.find((option) => {
      const literal = option instanceof z.ZodObject ? option.shape[key] : undefined;
      return literal instanceof z.ZodLiteral && literal.values.has(chosen as never);
    });
    return member === undefined ? schema : unwrap(member, value);
  }
  return schema;
}
