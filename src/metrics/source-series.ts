import { familyHeader, sampleLine, type Family, type Format } from './family.ts';
import { Piece } from './piece.ts';
import type { Profile, SourceHealth } from './profiles/profile.ts';

/** What profiles say of the sources. */
export function sourcePieces(
  profiles: readonly Profile[],
  sources: readonly SourceHealth[],
  format: Format,
): readonly Piece[] {
  const texts = new Map<Family, string>();
  for (const profile of profiles) {
    profile.addSources?.(sources, (family, labels, value) => {
      texts.set(family, (texts.get(family) ?? '') + sampleLine(family, labels, value));
    });
  }
  return [...texts].map(([family, text]) => new Piece(familyHeader(family, format) + text));
}
