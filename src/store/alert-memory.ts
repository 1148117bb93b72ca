import type { Alert } from '../notify/model.ts';

/** An alert as it lies in the store under a version. Every save gives it another, which no save has given before. */
export interface KnownAlert {
  readonly alert: Alert;
  readonly version: string;
}

/** What one transaction knows of alerts: nobody else writes meanwhile. */
export interface AlertMemory {
  get(id: string): KnownAlert | undefined;
  /** What an earlier transaction has known under this version. */
  recall(id: string, version: string): Alert | undefined;
  set(id: string, known: KnownAlert): void;
  nextVersion(): string;
}

export interface AlertMemories {
  begin(): AlertMemory & {
    /** The transaction is committed: what it knows of alerts at many places may be recalled. */
    keep(): void;
  };
}

/** Those at fewer places are read as fast as they are looked up. */
const MANY = 100;
/** Places of all alerts that are kept together: some 1 500 bytes each. */
const MOST_PLACES = 100_000;

/** `process`: a name that no other process ever had. */
export function createAlertMemories(process: string): AlertMemories {
  /** The one used last comes last. */
  const kept = new Map<string, KnownAlert>();
  let places = 0;
  let saves = 0;

  function forget(id: string): void {
    places -= kept.get(id)?.alert.places.length ?? 0;
    kept.delete(id);
  }

  return {
    begin() {
      const known = new Map<string, KnownAlert>();
      return {
        get: (id) => known.get(id),
        recall(id, version) {
          const one = kept.get(id);
          return one?.version === version ? one.alert : undefined;
        },
        set: (id, one) => void known.set(id, one),
        nextVersion: () => `${process} ${++saves}`,
        keep() {
          for (const [id, one] of known) {
            forget(id);
            // What was saved before there were versions could be changed without anybody seeing it.
            if (one.alert.places.length < MANY || one.version === '') continue;
            kept.set(id, one);
            places += one.alert.places.length;
          }
          for (const id of kept.keys()) {
            if (places <= MOST_PLACES) break;
            forget(id);
          }
        },
      };
    },
  };
}
