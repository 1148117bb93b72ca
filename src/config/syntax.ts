import { type ErrorCode, Lexer, type LineCounter, type YAMLParseError } from 'yaml';

/** The first thing that is wrong with the syntax of a file. */
export interface SyntaxFault {
  /** Where, in UTF-16 units from the beginning of the text. */
  readonly offset: number;
  readonly message: string;
}

/** What is not part of the text: the lexer's own marks. */
const LEXER_MARKS = new Set(['\u0002', '\u0018', '\u001f']);
const VARIABLE = /\$\{[A-Za-z_][A-Za-z0-9_]*\}/y;

/**
 * The first error alone, as the others follow from it, in words of our own: those of the library repeat parts of the
 * file, which may be secrets.
 */
export function syntaxFault(
  text: string,
  errors: readonly YAMLParseError[],
  lines: LineCounter,
): SyntaxFault | undefined {
  const [first] = errors.toSorted((a, b) => a.pos[0] - b.pos[0]);
  if (first === undefined) return undefined;
  const [offset] = first.pos;
  const variableAt = bareVariableAt(text);
  if (variableAt !== undefined && lines.linePos(variableAt).line === lines.linePos(offset).line) {
    return {
      offset: variableAt,
      message: `inside { } or [ ] quote the variable: "${variableText(text, variableAt)}"`,
    };
  }
  return { offset, message: meaningOf(first.code) };
}

/** Where the first `${` stands in a flow collection without quotes around it. */
function bareVariableAt(text: string): number | undefined {
  let offset = 0;
  let depth = 0;
  for (const token of new Lexer().lex(text)) {
    if (LEXER_MARKS.has(token)) continue;
    if (token === '{' && depth > 0 && text[offset - 1] === '$') return offset - 1;
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth = Math.max(0, depth - 1);
    offset += token.length;
  }
  return undefined;
}

/** Only what has the form of a variable is repeated. */
function variableText(text: string, offset: number): string {
  VARIABLE.lastIndex = offset;
  return VARIABLE.exec(text)?.[0] ?? '${NAME}';
}

function meaningOf(code: ErrorCode): string {
  switch (code) {
    case 'BAD_INDENT':
      return 'the indentation does not fit, or a bracket is not closed';
    case 'TAB_AS_INDENT':
      return 'a tab indents; use spaces';
    case 'MISSING_CHAR':
      return 'something is missing: a quote, a comma, a colon, a closing bracket or a space';
    case 'UNEXPECTED_TOKEN':
      return 'what stands here does not belong here; a bracket or quote before it may be missing or too many';
    case 'DUPLICATE_KEY':
      return 'this key is given twice';
    case 'BAD_SCALAR_START':
      return 'quote a text that begins with this character';
    case 'BAD_DQ_ESCAPE':
      return 'no such escape in double quotes; single quotes take a \\ as it is';
    case 'BLOCK_IN_FLOW':
      return 'a block inside { } or [ ]';
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'a second key or a list on the line of a key; begin a new line, or quote a text that holds ": "';
    case 'MULTILINE_IMPLICIT_KEY':
    case 'KEY_OVER_1024_CHARS':
      return 'a key stands on one line, with a colon behind it';
    case 'MULTIPLE_DOCS':
      return 'a config is one document; there is a second after ---';
    case 'ALIAS_PROPS':
    case 'BAD_ALIAS':
    case 'MULTIPLE_ANCHORS':
      return 'an anchor (&) or alias (*) that is none; quote it if it is text';
    case 'BAD_COLLECTION_TYPE':
    case 'MULTIPLE_TAGS':
    case 'TAG_RESOLVE_FAILED':
      return 'a tag (!) that is not known here; quote it if it is text';
    case 'BAD_DIRECTIVE':
      return 'a line that begins with % is a directive; quote it if it is text';
    case 'BAD_PROP_ORDER':
    case 'IMPOSSIBLE':
    case 'NON_STRING_KEY':
    case 'RESOURCE_EXHAUSTION':
      return 'the parser does not understand what stands here';
  }
}
