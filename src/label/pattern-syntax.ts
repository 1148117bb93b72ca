/** A text that is no pattern; `position` is the offset in it. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
  readonly position: number;

  constructor(rule: string, position: number) {
    super(rule);
    this.position = position;
  }
}

type OneCharacter = (codePoint: number) => boolean;

export type PatternNode =
  | { readonly kind: 'one'; readonly matches: OneCharacter }
  | { readonly kind: 'assert'; readonly holds: (before: number | undefined, after: number | undefined) => boolean }
  | { readonly kind: 'sequence'; readonly items: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternNode[] }
  /** `max` may be Infinity. */
  | { readonly kind: 'repeat'; readonly item: PatternNode; readonly min: number; readonly max: number };

interface Flags {
  readonly ignoreCase: boolean;
  readonly dotAll: boolean;
  readonly multiline: boolean;
}

const MAX_LENGTH = 4096;
const MAX_DEPTH = 100;
/** RE2's own limit. */
const MAX_REPEAT = 1000;

const CLASSES: Readonly<Record<string, OneCharacter>> = {
  d: classOf(/[0-9]/),
  D: classOf(/[^0-9]/),
  s: classOf(/[\t\n\f\r ]/),
  S: classOf(/[^\t\n\f\r ]/),
  w: classOf(/[0-9A-Za-z_]/),
  W: classOf(/[^0-9A-Za-z_]/),
};

const POSIX_CLASSES: Readonly<Record<string, OneCharacter>> = {
  alnum: classOf(/[0-9A-Za-z]/),
  alpha: classOf(/[A-Za-z]/),
  ascii: (codePoint) => codePoint < 0x80,
  blank: classOf(/[\t ]/),
  digit: classOf(/[0-9]/),
  lower: classOf(/[a-z]/),
  punct: classOf(/[!-/:-@[-`{-~]/),
  space: classOf(/[\t\n\v\f\r ]/),
  upper: classOf(/[A-Z]/),
  word: classOf(/[0-9A-Za-z_]/),
  xdigit: classOf(/[0-9A-Fa-f]/),
};

const CONTROL_ESCAPES: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

const NEWLINE = 10;

function isWordAt(codePoint: number | undefined): boolean {
  return codePoint !== undefined && /[0-9A-Za-z_]/.test(String.fromCodePoint(codePoint));
}

function classOf(expression: RegExp): OneCharacter {
  return (codePoint) => expression.test(String.fromCodePoint(codePoint));
}

/** Reads a regular expression of RE2's syntax (https://github.com/google/re2/wiki/Syntax), without `\C` and `\Q…\E`. */
export function parsePattern(source: string): PatternNode {
  if (source.length > MAX_LENGTH) throw new PatternError(`the pattern is longer than ${MAX_LENGTH} characters`, 0);
  const parser = new Parser(source);
  const node = parser.choice({ ignoreCase: false, dotAll: true, multiline: false });
  if (!parser.done) throw new PatternError('there is a ) without its (', parser.position);
  return node;
}

class Parser {
  position = 0;
  private depth = 0;
  private readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  get done(): boolean {
    return this.position >= this.source.length;
  }

  choice(flags: Flags): PatternNode {
    if (++this.depth > MAX_DEPTH) throw new PatternError('the groups are nested too deep', this.position);
    const options: PatternNode[] = [];
    let current = flags;
    let items: PatternNode[] = [];
    while (!this.done && !this.at(')')) {
      if (this.take('|')) {
        options.push({ kind: 'sequence', items });
        items = [];
        continue;
      }
      const changed = this.inlineFlags(current);
      if (changed !== undefined) current = changed;
      else items.push(this.repeated(current));
    }
    options.push({ kind: 'sequence', items });
    this.depth -= 1;
    return options.length === 1 ? (options[0] as PatternNode) : { kind: 'choice', options };
  }

  /** `(?i)`: flags for the rest of the group; `undefined` when something else is here. */
  private inlineFlags(flags: Flags): Flags | undefined {
    const match = /^\(\?([a-zA-Z-]+)\)/.exec(this.source.slice(this.position, this.position + 12));
    if (match === null) return undefined;
    const changed = this.withFlags(flags, match[1] as string);
    this.position += match[0].length;
    return changed;
  }

  private withFlags(flags: Flags, letters: string): Flags {
    let { ignoreCase, dotAll, multiline } = flags;
    let value = true;
    for (const letter of letters) {
      if (letter === '-') value = false;
      else if (letter === 'i') ignoreCase = value;
      else if (letter === 's') dotAll = value;
      else if (letter === 'm') multiline = value;
      // Whether a repetition is greedy makes no difference to a whole match.
      else if (letter !== 'U') throw new PatternError(`there is no flag ${letter}`, this.position);
    }
    return { ignoreCase, dotAll, multiline };
  }

  private repeated(flags: Flags): PatternNode {
    let node = this.atom(flags);
    for (;;) {
      const start = this.position;
      const range = this.quantifier();
      if (range === undefined) return node;
      // A group is never a bare repetition, so only `a**` comes here; RE2 refuses it too.
      if (node.kind === 'repeat') throw new PatternError('a repetition is repeated', start);
      this.take('?');
      node = { kind: 'repeat', item: node, ...range };
    }
  }

  private quantifier(): { min: number; max: number } | undefined {
    if (this.take('*')) return { min: 0, max: Infinity };
    if (this.take('+')) return { min: 1, max: Infinity };
    if (this.take('?')) return { min: 0, max: 1 };
    // As in RE2, a brace that is no quantifier is itself.
    const match = /^\{(\d{1,5})(,(\d{0,5}))?\}/.exec(this.source.slice(this.position, this.position + 14));
    if (match === null) return undefined;
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === '' ? Infinity : Number(match[3]);
    if (min > MAX_REPEAT || (max !== Infinity && max > MAX_REPEAT) || max < min) {
      throw new PatternError(`a repetition is out of range (at most ${MAX_REPEAT})`, this.position);
    }
    this.position += match[0].length;
    return { min, max };
  }

  private atom(flags: Flags): PatternNode {
    const start = this.position;
    const codePoint = this.nextCodePoint();
    switch (String.fromCodePoint(codePoint)) {
      case '(': {
        const inner = this.groupFlags(flags, start);
        const node = this.choice(inner);
        if (!this.take(')')) throw new PatternError('there is a ( without its )', start);
        return node;
      }
      case '[':
        return { kind: 'one', matches: this.characterClass(flags, start) };
      case '.':
        return { kind: 'one', matches: flags.dotAll ? () => true : (other) => other !== NEWLINE };
      case '^':
        return {
          kind: 'assert',
          holds: (before) => before === undefined || (flags.multiline && before === NEWLINE),
        };
      case '$':
        return { kind: 'assert', holds: (_, after) => after === undefined || (flags.multiline && after === NEWLINE) };
      case '*':
      case '+':
      case '?':
        throw new PatternError('there is nothing to repeat', start);
      case '\\':
        return this.escape(flags, start);
      default:
        return literal(codePoint, flags);
    }
  }

  /** Reads what stands behind `(`: nothing, `?:`, `?P<name>`, `?<name>` or `?flags:`. */
  private groupFlags(flags: Flags, start: number): Flags {
    if (!this.at('?')) return flags;
    const match = /^\?(?:P?<[A-Za-z_][A-Za-z0-9_]*>|([a-zA-Z-]*):)/.exec(
      this.source.slice(this.position, this.position + 80),
    );
    // Look-around has no linear-time match and RE2 does not know it either.
    if (match === null) throw new PatternError('this kind of group is not supported', start);
    this.position += match[0].length;
    return this.withFlags(flags, match[1] ?? '');
  }

  private escape(flags: Flags, start: number): PatternNode {
    const letter = this.source[this.position];
    switch (letter) {
      case 'A':
        this.position += 1;
        return { kind: 'assert', holds: (before) => before === undefined };
      case 'z':
        this.position += 1;
        return { kind: 'assert', holds: (_, after) => after === undefined };
      case 'b':
      case 'B': {
        this.position += 1;
        const wanted = letter === 'b';
        return { kind: 'assert', holds: (before, after) => (isWordAt(before) !== isWordAt(after)) === wanted };
      }
      default: {
        const escaped = this.escapedCharacter(start);
        return typeof escaped === 'number' ? literal(escaped, flags) : { kind: 'one', matches: escaped };
      }
    }
  }

  /** Reads what stands behind a backslash, in a class or outside: one character or a class. */
  private escapedCharacter(start: number): number | OneCharacter {
    if (this.done) throw new PatternError('the pattern ends with a backslash', start);
    const codePoint = this.nextCodePoint();
    const letter = String.fromCodePoint(codePoint);
    const known = CLASSES[letter];
    if (known !== undefined) return known;
    const control = CONTROL_ESCAPES[letter];
    if (control !== undefined) return control;
    if (letter === 'p' || letter === 'P') return this.unicodeClass(letter === 'P', start);
    if (letter === 'x') return this.hexCharacter(start);
    if (/[0-9A-Za-z]/.test(letter) || codePoint >= 0x80) {
      throw new PatternError(`the escape \\${letter} is not supported`, start);
    }
    return codePoint;
  }

  private hexCharacter(start: number): number {
    const match = /^(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/.exec(
      this.source.slice(this.position, this.position + 8),
    );
    const codePoint = match === null ? NaN : parseInt(match[1] ?? match[2] ?? '', 16);
    if (match === null || !(codePoint <= 0x10ffff)) throw new PatternError('the escape \\x is malformed', start);
    this.position += match[0].length;
    return codePoint;
  }

  private unicodeClass(negated: boolean, start: number): OneCharacter {
    const match = /^(?:([A-Z])|\{(\^?)([A-Za-z_]{1,40})\})/.exec(this.source.slice(this.position, this.position + 44));
    if (match === null) throw new PatternError('the escape \\p is malformed', start);
    this.position += match[0].length;
    const name = match[1] ?? match[3] ?? '';
    const inverted = negated !== (match[2] === '^');
    // RE2 has general categories and scripts under one name.
    for (const property of [name, `Script=${name}`]) {
      try {
        return classOf(new RegExp(`\\${inverted ? 'P' : 'p'}{${property}}`, 'u'));
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    }
    throw new PatternError(`there is no Unicode class ${name}`, start);
  }

  private characterClass(flags: Flags, start: number): OneCharacter {
    const negated = this.take('^');
    const parts: OneCharacter[] = [];
    // A ] in the first place is itself.
    for (let first = true; first || !this.at(']'); first = false) {
      if (this.done) throw new PatternError('there is a [ without its ]', start);
      parts.push(this.classPart(flags));
    }
    this.position += 1;
    return (codePoint) => parts.some((part) => part(codePoint)) !== negated;
  }

  private classPart(flags: Flags): OneCharacter {
    const start = this.position;
    const posix = /^\[:(\^?)([a-z]+):\]/.exec(this.source.slice(start, start + 14));
    if (posix !== null) {
      const known = POSIX_CLASSES[posix[2] ?? ''];
      if (known === undefined) throw new PatternError(`there is no class ${posix[0]}`, start);
      this.position += posix[0].length;
      return posix[1] === '^' ? (codePoint) => !known(codePoint) : known;
    }
    const low = this.classCharacter(start);
    if (typeof low !== 'number') return low;
    let high = low;
    if (this.at('-') && this.source[this.position + 1] !== undefined && this.source[this.position + 1] !== ']') {
      this.position += 1;
      const other = this.classCharacter(start);
      if (typeof other !== 'number' || other < low) throw new PatternError('a range of characters is malformed', start);
      high = other;
    }
    return rangeOf(low, high, flags);
  }

  private classCharacter(start: number): number | OneCharacter {
    return this.take('\\') ? this.escapedCharacter(start) : this.nextCodePoint();
  }

  private at(character: string): boolean {
    return this.source[this.position] === character;
  }

  private take(character: string): boolean {
    if (!this.at(character)) return false;
    this.position += 1;
    return true;
  }

  private nextCodePoint(): number {
    const codePoint = this.source.codePointAt(this.position);
    if (codePoint === undefined) throw new PatternError('the pattern ends too early', this.position);
    this.position += codePoint > 0xffff ? 2 : 1;
    return codePoint;
  }
}

function literal(codePoint: number, flags: Flags): PatternNode {
  if (!flags.ignoreCase) return { kind: 'one', matches: (other) => other === codePoint };
  const forms = caseForms(codePoint);
  return { kind: 'one', matches: (other) => caseForms(other).some((form) => forms.includes(form)) };
}

function rangeOf(low: number, high: number, flags: Flags): OneCharacter {
  if (!flags.ignoreCase) return (codePoint) => codePoint >= low && codePoint <= high;
  return (codePoint) => caseForms(codePoint).some((form) => form >= low && form <= high);
}

/** A character and its upper and lower case, where that is one character too (`ß` has `SS`). */
function caseForms(codePoint: number): readonly number[] {
  const character = String.fromCodePoint(codePoint);
  const forms = [codePoint];
  for (const changed of [character.toLowerCase(), character.toUpperCase()]) {
    const form = changed.codePointAt(0) as number;
    if (String.fromCodePoint(form) === changed) forms.push(form);
  }
  return forms;
}
