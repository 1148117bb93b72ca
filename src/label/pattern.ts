import { PatternError, parsePattern, type PatternNode } from './pattern-syntax.ts';

/** Repetitions are written out, so `(a{1000}){1000}` would fill the memory. */
const MAX_INSTRUCTIONS = 10_000;

type Instruction =
  | { readonly kind: 'one'; readonly matches: (codePoint: number) => boolean }
  | { readonly kind: 'assert'; readonly holds: (before: number | undefined, after: number | undefined) => boolean }
  /** Goes on at both. */
  | { readonly kind: 'fork'; first: number; second: number }
  | { readonly kind: 'end' };

/**
 * Compiles a regular expression of RE2's syntax, which Prometheus and Alertmanager use, to a test of whole texts (it is
 * anchored at both ends, and a dot matches a line break too). All ways are followed at once, so the time is at most
 * length of the text x length of the pattern: no pattern can stall the process, whoever wrote it. Throws `PatternError`.
 */
export function compilePattern(source: string): (text: string) => boolean {
  const program: Instruction[] = [];
  emit(program, parsePattern(source));
  program.push({ kind: 'end' });
  return (text) => run(program, text);
}

function push(program: Instruction[], instruction: Instruction): number {
  if (program.length >= MAX_INSTRUCTIONS) throw new PatternError('the pattern is too large', 0);
  return program.push(instruction) - 1;
}

function emit(program: Instruction[], node: PatternNode): void {
  switch (node.kind) {
    case 'one':
    case 'assert':
      push(program, node);
      return;
    case 'sequence':
      for (const item of node.items) emit(program, item);
      return;
    case 'choice':
      emitChoice(program, node.options);
      return;
    case 'repeat':
      for (let count = 0; count < node.min; count++) emit(program, node.item);
      if (node.max === Infinity) emitLoop(program, node.item);
      else emitOptional(program, node.item, node.max - node.min);
      return;
  }
}

function emitChoice(program: Instruction[], options: readonly PatternNode[]): void {
  const exits: { second: number; first: number }[] = [];
  for (const [index, option] of options.entries()) {
    if (index === options.length - 1) {
      emit(program, option);
      break;
    }
    const fork = { kind: 'fork' as const, first: program.length + 1, second: 0 };
    push(program, fork);
    emit(program, option);
    const exit = { kind: 'fork' as const, first: 0, second: 0 };
    push(program, exit);
    exits.push(exit);
    fork.second = program.length;
  }
  for (const exit of exits) exit.first = exit.second = program.length;
}

function emitLoop(program: Instruction[], item: PatternNode): void {
  const fork = { kind: 'fork' as const, first: program.length + 1, second: 0 };
  const start = push(program, fork);
  emit(program, item);
  push(program, { kind: 'fork', first: start, second: start });
  fork.second = program.length;
}

function emitOptional(program: Instruction[], item: PatternNode, times: number): void {
  const forks: { second: number }[] = [];
  for (let count = 0; count < times; count++) {
    const fork = { kind: 'fork' as const, first: program.length + 1, second: 0 };
    push(program, fork);
    forks.push(fork);
    emit(program, item);
  }
  for (const fork of forks) fork.second = program.length;
}

/** Follows all ways through the program at once (Thompson's construction). */
function run(program: readonly Instruction[], text: string): boolean {
  const codePoints = Array.from(text, (character) => character.codePointAt(0) as number);
  // The position at which an instruction was entered last, so that none is entered twice at one position.
  const enteredAt = new Int32Array(program.length).fill(-1);
  const stack: number[] = [0];
  for (let position = 0; ; position++) {
    const before = codePoints[position - 1];
    const after = codePoints[position];
    const consuming: number[] = [];
    let ended = false;
    for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
      if (enteredAt[index] === position) continue;
      enteredAt[index] = position;
      const instruction = program[index] as Instruction;
      switch (instruction.kind) {
        case 'one':
          consuming.push(index);
          break;
        case 'assert':
          if (instruction.holds(before, after)) stack.push(index + 1);
          break;
        case 'fork':
          stack.push(instruction.second, instruction.first);
          break;
        case 'end':
          ended = true;
          break;
      }
    }
    if (after === undefined) return ended;
    for (const index of consuming) {
      const instruction = program[index];
      if (instruction?.kind === 'one' && instruction.matches(after)) stack.push(index + 1);
    }
    if (stack.length === 0) return false;
  }
}
