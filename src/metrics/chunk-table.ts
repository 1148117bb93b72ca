import { Piece } from './piece.ts';

/** Places of one chunk: what is written anew when one of them changes. */
const CHUNK = 64;
/** Changes that wait at most; beyond it the chunk that changes is written anew, so that no text piles up while nobody asks. */
const MAX_WAITING = 16_384;
/** Fewer changes are not worth that. */
const WORTH_WRITING = 16;

interface Chunk {
  piece: Piece;
  /** Where the text of each place begins; one more for the end. */
  readonly starts: Uint32Array;
  /** New text of a place; a number is a new value of the line that is there. */
  readonly waiting: Map<number, string | number>;
}

/** Text by place, in chunks: a change costs the copy of one chunk, and nothing while nobody asks for it. */
export class ChunkTable {
  readonly #chunks: Chunk[] = [];
  #waiting = 0;

  /** Puts text at a place; an empty one takes away what is there. */
  set(place: number, text: string): void {
    const index = Math.floor(place / CHUNK);
    const known = this.#chunks[index];
    const at = place % CHUNK;
    if (text === '' && (known === undefined || (isEmpty(known, at) && !known.waiting.has(at)))) return;
    const chunk = known ?? this.#grow(index);
    this.#wait(chunk, at, text);
  }

  /** Gives the one line at a place another value, in the form in which a line has it; nothing where there is none. */
  setValue(place: number, value: number): void {
    const chunk = this.#chunks[Math.floor(place / CHUNK)];
    const at = place % CHUNK;
    const waiting = chunk?.waiting.get(at);
    if (typeof waiting === 'string') {
      if (waiting !== '') chunk?.waiting.set(at, `${waiting.slice(0, waiting.lastIndexOf(' ') + 1)}${value}\n`);
    } else if (chunk !== undefined && !isEmpty(chunk, at)) {
      this.#wait(chunk, at, value);
    }
  }

  /** The text as it stands now, in the order of the places, a piece at a time. */
  *pieces(): Generator<Piece> {
    for (const chunk of this.#chunks) {
      if (chunk.waiting.size > 0) this.#settle(chunk);
      if (chunk.piece.bytes.length > 0) yield chunk.piece;
    }
  }

  #wait(chunk: Chunk, at: number, news: string | number): void {
    const { waiting } = chunk;
    const before = waiting.size;
    waiting.set(at, news);
    this.#waiting += waiting.size - before;
    const isTooMuch = this.#waiting > MAX_WAITING && waiting.size >= WORTH_WRITING;
    if (waiting.size === CHUNK || isTooMuch) this.#settle(chunk);
  }

  #settle(chunk: Chunk): void {
    this.#waiting -= chunk.waiting.size;
    if (chunk.piece.bytes.length === 0) fill(chunk);
    else rewrite(chunk);
  }

  #grow(index: number): Chunk {
    for (let next = this.#chunks.length; next <= index; next++) {
      this.#chunks.push({ piece: new Piece(''), starts: new Uint32Array(CHUNK + 1), waiting: new Map() });
    }
    const chunk = this.#chunks[index];
    if (chunk === undefined) throw new Error('a chunk was not made');
    return chunk;
  }
}

function isEmpty({ starts }: Chunk, at: number): boolean {
  return starts[at] === starts[at + 1];
}

/** Writes an empty chunk, all in one go: that is how everything is written first. */
function fill(chunk: Chunk): void {
  const { starts, waiting } = chunk;
  const texts = Array<string>(CHUNK).fill('');
  // Where there is nothing, no value waits.
  for (const [at, news] of waiting) if (typeof news === 'string') texts[at] = news;
  waiting.clear();
  const text = texts.join('');
  const bytes = Buffer.from(text);
  const isAscii = bytes.length === text.length;
  for (let at = 0, start = 0; at < CHUNK; at++) {
    const own = texts[at] ?? '';
    start += isAscii ? own.length : Buffer.byteLength(own);
    starts[at + 1] = start;
  }
  chunk.piece = new Piece(bytes);
}

/** Writes the chunk anew. The old bytes stay as they are: an answer may be on its way with them. */
function rewrite(chunk: Chunk): void {
  const { starts, waiting } = chunk;
  const old = chunk.piece.bytes;
  const changed = new Map<number, Uint8Array>();
  let length = old.length;
  for (const [at, news] of waiting) {
    const before = old.subarray(starts[at], starts[at + 1]);
    const after = typeof news === 'string' ? Buffer.from(news) : withValue(before, news);
    if (Buffer.compare(before, after) === 0) continue;
    changed.set(at, after);
    length += after.length - before.length;
  }
  waiting.clear();
  if (changed.size === 0) return;

  const bytes = Buffer.allocUnsafe(length);
  let written = 0;
  let from = 0;
  for (const at of [...changed.keys()].toSorted((a, b) => a - b)) {
    bytes.set(old.subarray(starts[from], starts[at]), written);
    written += (starts[at] ?? 0) - (starts[from] ?? 0);
    const after = changed.get(at) ?? new Uint8Array();
    bytes.set(after, written);
    written += after.length;
    from = at + 1;
  }
  bytes.set(old.subarray(starts[from], starts[CHUNK]), written);

  let shift = 0;
  for (let at = 0, start = 0; at < CHUNK; at++) {
    const next = starts[at + 1] ?? 0;
    const after = changed.get(at);
    if (after !== undefined) shift += after.length - (next - start);
    start = next;
    starts[at + 1] = next + shift;
  }
  chunk.piece = new Piece(bytes);
}

const SPACE = 0x20;

function withValue(line: Uint8Array, value: number): Uint8Array {
  const end = line.lastIndexOf(SPACE) + 1;
  return Buffer.concat([line.subarray(0, end), Buffer.from(`${value}\n`)]);
}
