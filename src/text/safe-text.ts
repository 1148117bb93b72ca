declare const safe: unique symbol;

/**
 * Text of unknown origin that can no longer break a line, steer a terminal, reorder what is beside it or hide anything in
 * itself. It is still only text: each sink has its own escaper.
 */
export type SafeText = string & { readonly [safe]: true };

/** Raw text beyond this is not looked at. */
const MAX_RAW = 65_536;

const PRINTABLE_ASCII = /^[\u0020-\u007e]*$/;
/** What ends a line or moves along it; a space takes its place, so that no two words grow together. */
const WHITE_SPACE = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;
/**
 * Controls (C0, C1), formats (bidi controls, zero-width characters, soft hyphens, tags), lone surrogates, private-use and
 * unassigned characters, and the letters and marks that show nothing.
 */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Variation_Selector}\p{Default_Ignorable_Code_Point}\u2800]/gu;
/** More marks than this on one letter write over the lines above and below. */
const STACKED_MARKS = /(\p{M}{4})\p{M}+/gu;

/**
 * Makes hostile text harmless: Unicode NFC, line breaks and tabs as a space, everything that is invisible or steers the
 * display taken out. The result is at most `max` UTF-16 units long (default 256); where something was cut off at the end
 * it ends with `…`.
 */
export function safeText(raw: string, { max = 256 }: { readonly max?: number } = {}): SafeText {
  if (raw.length <= max && PRINTABLE_ASCII.test(raw)) return raw as SafeText;
  const looked = raw.length > MAX_RAW ? raw.slice(0, MAX_RAW) : raw;
  const clean = looked.replace(WHITE_SPACE, ' ').replace(INVISIBLE, '').replace(STACKED_MARKS, '$1').normalize('NFC');
  if (clean.length <= max && looked === raw) return clean as SafeText;
  // A cut inside a surrogate pair leaves half of it; it is dropped.
  const kept = clean.slice(0, Math.max(0, max - 1)).replace(/[\ud800-\udbff]$/, '');
  return `${kept}…` as SafeText;
}
