import { Refusal } from './endpoint.ts';

type Part = string | number;

/** Where a page ended, as a text that a client hands back. */
export function encodeCursor(parts: readonly Part[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** Throws Refusal for what was never given out. */
export function decodeCursor(text: string): readonly Part[] {
  const value = parsed(Buffer.from(text, 'base64url').toString());
  const isCursor =
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((part) => typeof part === 'string' || (typeof part === 'number' && Number.isFinite(part)));
  if (!isCursor) throw new Refusal(400, 'after: is not the next of an earlier answer; begin without it');
  return value as readonly Part[];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
