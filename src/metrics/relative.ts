import type { Family } from './family.ts';
import { Piece } from './piece.ts';

/** Samples that were kept as times, as they are said at `now`, milliseconds since the epoch. */
export function relativeTo(piece: Piece, relative: NonNullable<Family['relative']>, now: number): Piece {
  const lines = Buffer.from(piece.bytes).toString('utf8').split('\n');
  let text = '';
  for (const line of lines) {
    if (line === '') continue;
    const end = line.lastIndexOf(' ') + 1;
    text += `${line.slice(0, end)}${valueAt(Number(line.slice(end)) * 1000, relative, now)}\n`;
  }
  return new Piece(text);
}

function valueAt(at: number, relative: NonNullable<Family['relative']>, now: number): number {
  switch (relative) {
    case 'left':
      return Math.round(at - now) / 1000;
    case 'age':
      return Math.round(now - at) / 1000;
    case 'ended':
      return now >= at ? 1 : 0;
  }
}
