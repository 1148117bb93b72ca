/** Something that happens at an instant. */
export interface Event {
  readonly at: number;
  readonly order: number;
  readonly act: () => void | Promise<void>;
}

/** Events in the order of time, and of those at one instant, as they were added. */
export function createQueue(): { add(at: number, act: Event['act']): void; next(until: number): Event | undefined } {
  const heap: Event[] = [];
  let order = 0;
  const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
  const at = (index: number): Event => heap[index] as Event; // only within its length
  function swap(a: number, b: number): void {
    [heap[a], heap[b]] = [at(b), at(a)];
  }
  return {
    add(instant, act) {
      heap.push({ at: instant, order: order++, act });
      for (let index = heap.length - 1; index > 0;) {
        const parent = (index - 1) >> 1;
        if (!isBefore(at(index), at(parent))) break;
        swap(index, parent);
        index = parent;
      }
    },
    next(until) {
      const first = heap[0];
      if (first === undefined || first.at > until) return undefined;
      const last = heap.pop() as Event; // there is one
      if (heap.length > 0) {
        heap[0] = last;
        for (let index = 0; ;) {
          let least = index;
          for (const child of [2 * index + 1, 2 * index + 2]) {
            if (child < heap.length && isBefore(at(child), at(least))) least = child;
          }
          if (least === index) break;
          swap(index, least);
          index = least;
        }
      }
      return first;
    },
  };
}
