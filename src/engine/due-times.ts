/** Remembers when each schedule is due, over restarts and over nodes. */
export interface DueTimes {
  /** The due time after the one claimed last, if the name was ever scheduled. Milliseconds since the epoch. */
  next(name: string): Promise<number | undefined>;
  /** Sets the first due time of a name that has none; leaves an existing one alone. */
  init(name: string, due: number): Promise<void>;
  /** Moves `name` from `due` to `following`; true for exactly one caller of all nodes. */
  claim(name: string, due: number, following: number): Promise<boolean>;
  forget(name: string): Promise<void>;
}
