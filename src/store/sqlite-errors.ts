/** The primary code of an error of SQLite, https://sqlite.org/rescode.html; undefined for any other error. */
function codeOf(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' ? code & 0xff : undefined;
}

const BUSY = 5;
const CORRUPT = 11;
const NOT_A_DATABASE = 26;

export function isBusy(error: unknown): boolean {
  return codeOf(error) === BUSY;
}

/** What it read from the disk cannot have been written so. */
export function isDamage(error: unknown): boolean {
  const code = codeOf(error);
  return code === CORRUPT || code === NOT_A_DATABASE;
}
