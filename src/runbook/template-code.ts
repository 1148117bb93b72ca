import { TemplateError } from '../text/template-syntax.ts';

const FENCE = /^\s*(`{3,}|~{3,})/;
const PLACEHOLDER = /^\{\{\s*(?<name>[^#/}|\s]*)[^}]*\}\}/;

/** The lines of a Markdown text that stand inside code blocks, from 1; the fences themselves do not. */
export function codeLines(text: string): ReadonlySet<number> {
  const inside = new Set<number>();
  let fence: string | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const [, marks] = FENCE.exec(line) ?? [];
    if (fence === undefined) fence = marks;
    else if (marks?.startsWith(fence) === true && line.trim() === marks) fence = undefined;
    else inside.add(index + 1);
  }
  return inside;
}

type Quote = '"' | "'" | '`';

/**
 * Makes sure that what is inserted into code blocks stays one word of a shell: it comes in quotes of its own, which mean
 * nothing inside other quotes or in a here-document. Throws TemplateError at the first place where that is not so.
 */
export function checkCode(text: string, code: ReadonlySet<number>, sections: readonly string[]): void {
  let quote: Quote | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (code.has(index + 1)) quote = checkLine(line, index + 1, quote, sections);
    else quote = undefined;
  }
}

/** Gives the quote that is open at the end of the line. */
function checkLine(
  line: string,
  number: number,
  open: Quote | undefined,
  sections: readonly string[],
): Quote | undefined {
  let quote = open;
  const fail = (fault: string, at: number): never => {
    throw new TemplateError(fault, { line: number, column: at + 1 });
  };
  const checkPlaceholder = (name: string, whole: string, at: number): void => {
    if (quote !== undefined) fail('take the quotes away: what is inserted comes in quotes of its own', at);
    if (name === '' || name === 'else') {
      if (line.trim() !== whole) fail('in a code block this stands on a line of its own', at);
    } else if (sections.includes(name)) {
      fail(`"${name}" is a whole part of the runbook: it stands outside of code blocks`, at);
    } else if (/[\\$]/.test(line[at - 1] ?? '')) fail('what is inserted cannot stand right behind \\ or $', at);
  };
  if (line.includes('<<') && !line.includes('<<<')) {
    fail(
      'a here-document in a code block: what is inserted could become code; write the file another way',
      line.indexOf('<<'),
    );
  }
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at] ?? '';
    const found = PLACEHOLDER.exec(line.slice(at));
    if (found !== null) {
      checkPlaceholder(found.groups?.['name'] ?? '', found[0], at);
      at += found[0].length - 1;
    } else if (character === '\\' && quote !== "'" && !line.startsWith('{{', at + 1)) at += 1;
    else if (quote !== undefined) quote = character === quote ? undefined : quote;
    else if (character === '#' && /^$|\s/.test(line[at - 1] ?? '')) return undefined;
    else if (character === '"' || character === "'" || character === '`') quote = character;
  }
  return quote;
}
