/** A text that is no duration; the message says what one looks like. */
export class DurationError extends Error {
  override readonly name = 'DurationError';
}

const UNITS = [
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

const FORM = /^(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** Nothing that we schedule or compare lasts longer: a hundred years. */
const MAX_MS = 36_525 * 86_400_000;

/**
 * Milliseconds of a duration such as `15m`, `1h30m`, `7d`, `2w` or `500ms`: whole numbers with units from large to small,
 * each at most once; `0` needs none. A day is 24 hours. Throws `DurationError`.
 */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  // A number of more than 15 digits is beyond any limit, and beyond exact arithmetic.
  const match = text.length > 0 && text.length <= 64 ? FORM.exec(text) : null;
  if (match === null) {
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    throw new DurationError(`"${shown}" is not a duration; write it like 15m, 1h30m, 7d or 500ms`);
  }
  let total = 0;
  for (const [index, [, unitMs]] of UNITS.entries()) total += Number(match[index + 1] ?? 0) * unitMs;
  if (total > MAX_MS) throw new DurationError(`"${text}" is longer than a hundred years`);
  return total;
}

/**
 * A duration for people, in the form that `parseDuration` reads: its two largest units, the rest cut (`41d`, `6h30m`,
 * `1m5s`, `250ms`). Negative ones have a minus sign in front.
 */
export function formatDuration(ms: number): string {
  let rest = Math.floor(Math.abs(ms));
  if (!Number.isFinite(rest)) return ms < 0 ? '-∞' : '∞';
  let text = '';
  let parts = 0;
  // Weeks are left out: nobody says 5w6d.
  for (const [unit, unitMs] of UNITS.slice(1)) {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    if (parts > 0 || count > 0) parts += 1;
    if (count > 0) text += `${count}${unit}`;
    if (parts === 2) break;
  }
  if (text === '') return '0s';
  return ms < 0 ? `-${text}` : text;
}
