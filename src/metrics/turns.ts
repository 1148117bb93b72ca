import { setImmediate as nextTurn } from 'node:timers/promises';

/** Time that work goes on before it lets others work. */
const TURN_MS = 10;

/** Work that may take long asks whether its turn is over, and waits for the next one. */
export class Turns {
  #until = performance.now() + TURN_MS;
  #since = process.threadCpuUsage();
  #earlierMs = 0;

  get isOver(): boolean {
    return performance.now() >= this.#until;
  }

  async next(): Promise<void> {
    this.#earlierMs = this.workedMs;
    await nextTurn();
    this.#since = process.threadCpuUsage();
    this.#until = performance.now() + TURN_MS;
  }

  /** CPU of all turns up to now: a machine that is busy with something else does not count. */
  get workedMs(): number {
    const { user, system } = process.threadCpuUsage(this.#since);
    return this.#earlierMs + (user + system) / 1000;
  }
}
