/** Shorter ones are words that stand in any text. */
const SHORTEST = 6;
/** Rotated ones are kept for a while: who was told the old one may say it back still. */
const MOST = 2_000;
const INSTEAD = '[secret]';

/** Keeps secrets out of texts that others wrote: a server in trouble says back what it was told. */
export interface Redaction {
  /** From now on this is a secret, as is each line of it. */
  note(secret: string): void;
  clean(text: string): string;
}

export function createRedaction(): Redaction {
  const secrets = new Set<string>();
  return {
    note(secret) {
      for (const line of [secret, ...secret.split(/\r?\n/)]) {
        if (line.length < SHORTEST) continue;
        for (const form of [line, encodeURIComponent(line.toWellFormed()), JSON.stringify(line).slice(1, -1)]) {
          secrets.delete(form);
          secrets.add(form);
        }
      }
      for (const oldest of secrets) {
        if (secrets.size <= MOST) break;
        secrets.delete(oldest);
      }
    },
    clean(text) {
      let clean = text;
      // The longest first: one may be the beginning of another.
      for (const secret of [...secrets].toSorted((a, b) => b.length - a.length)) {
        if (clean.includes(secret)) clean = clean.replaceAll(secret, INSTEAD);
      }
      return clean;
    },
  };
}
