interface Holder {
  readonly id: number;
  readonly endAt: number;
}

/**
 * Who may say a series where two locations would say the same one: what another exporter calls a certificate need not tell
 * apart where it lies. What ends first speaks, and the others wait until it is silent.
 */
export class Claims {
  readonly #holders = new Map<string, Holder>();
  readonly #waiting = new Map<string, Set<number>>();
  /** Everything that a location has asked for. */
  readonly #keys = new Map<number, string[]>();

  /**
   * Lets a location ask anew for everything that it would say. Gives the locations that have to be asked again: what they
   * said was taken over, or what they wait for is free.
   */
  renew(id: number, ask: (claim: (key: string, endAt: number) => boolean) => void): ReadonlySet<number> {
    const before = this.#keys.get(id) ?? [];
    const concerned = new Set<number>();
    const keys: string[] = [];
    const own = new Set<string>();
    ask((key, endAt) => {
      if (own.has(key)) return false;
      own.add(key);
      keys.push(key);
      const holder = this.#holders.get(key);
      if (holder !== undefined && holder.id !== id && holder.endAt <= endAt) {
        this.#wait(key, id);
        return false;
      }
      if (holder !== undefined && holder.id !== id) {
        this.#wait(key, holder.id);
        concerned.add(holder.id);
      }
      this.#waiting.get(key)?.delete(id);
      this.#holders.set(key, { id, endAt });
      return true;
    });
    if (keys.length > 0) this.#keys.set(id, keys);
    else this.#keys.delete(id);
    for (const key of before) if (!own.has(key)) this.#give(key, id, concerned);
    concerned.delete(id);
    return concerned;
  }

  /** The location says nothing any more. Gives those that wait for it. */
  release(id: number): ReadonlySet<number> {
    const concerned = new Set<number>();
    for (const key of this.#keys.get(id) ?? []) this.#give(key, id, concerned);
    this.#keys.delete(id);
    concerned.delete(id);
    return concerned;
  }

  #wait(key: string, id: number): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) this.#waiting.set(key, new Set([id]));
    else waiting.add(id);
  }

  #give(key: string, id: number, concerned: Set<number>): void {
    const waiting = this.#waiting.get(key);
    waiting?.delete(id);
    if (this.#holders.get(key)?.id === id) {
      this.#holders.delete(key);
      for (const other of waiting ?? []) concerned.add(other);
    }
    if (waiting?.size === 0) this.#waiting.delete(key);
  }
}
