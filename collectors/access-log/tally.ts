import { ByteTable } from './byte-table.ts';

/** Routes counted for one client; what else it calls counts for the client alone. */
const ROUTES = 8;
/** Distinct routes of all clients of one log. */
const MAX_ROUTES = 20_000;
const FIRST_ROWS = 256;

/** How often one certificate was used, and for what. */
export interface Usage {
  /** Milliseconds since the epoch. */
  readonly firstAt: number;
  readonly lastAt: number;
  readonly count: number;
  /** As `ByteTable.text` gives them. */
  readonly routes: readonly (readonly [route: string, count: number])[];
}

/** Counts uses by certificate, in columns: there may be a million of them, and a line must make nothing. */
export class Tally {
  readonly keys: ByteTable;
  readonly routes: ByteTable;
  private first = new Float64Array(FIRST_ROWS);
  private last = new Float64Array(FIRST_ROWS);
  private counts = new Float64Array(FIRST_ROWS);
  private routeNumbers = new Int32Array(FIRST_ROWS * ROUTES).fill(-1);
  private routeCounts = new Float64Array(FIRST_ROWS * ROUTES);
  private touched = new Uint8Array(FIRST_ROWS);
  private changes: number[] = [];

  constructor(maxClients: number, seed: number) {
    this.keys = new ByteTable(maxClients, seed);
    this.routes = new ByteTable(MAX_ROUTES, seed);
  }

  /** Makes room for a key that has just been added. */
  private grow(): void {
    const rows = this.first.length * 2;
    this.first = copied(new Float64Array(rows), this.first);
    this.last = copied(new Float64Array(rows), this.last);
    this.counts = copied(new Float64Array(rows), this.counts);
    this.routeCounts = copied(new Float64Array(rows * ROUTES), this.routeCounts);
    this.routeNumbers = copied(new Int32Array(rows * ROUTES).fill(-1), this.routeNumbers);
    this.touched = copied(new Uint8Array(rows), this.touched);
  }

  /** Notes one use at a time. `route` -1 where the line tells none. */
  note(client: number, at: number, route: number): void {
    while (client >= this.first.length) this.grow();
    const count = this.counts[client] ?? 0;
    if (count === 0 || at < (this.first[client] ?? 0)) this.first[client] = at;
    if (at > (this.last[client] ?? 0)) this.last[client] = at;
    this.counts[client] = count + 1;
    if (this.touched[client] === 0) {
      this.touched[client] = 1;
      this.changes.push(client);
    }
    if (route >= 0) this.add(client, route, 1);
  }

  private add(client: number, route: number, count: number): void {
    const from = client * ROUTES;
    for (let slot = from; slot < from + ROUTES; slot++) {
      const number = this.routeNumbers[slot] ?? -1;
      if (number === -1) this.routeNumbers[slot] = route;
      if (number === -1 || number === route) {
        this.routeCounts[slot] = (this.routeCounts[slot] ?? 0) + count;
        return;
      }
    }
  }

  /** Clients that were noted since this was asked last. */
  takeChanges(): readonly number[] {
    const taken = this.changes;
    for (const client of taken) this.touched[client] = 0;
    this.changes = [];
    return taken;
  }

  lastAt(client: number): number {
    return this.last[client] ?? 0;
  }

  firstAt(client: number): number {
    return this.first[client] ?? 0;
  }

  usage(client: number): Usage {
    const routes: (readonly [string, number])[] = [];
    for (let slot = client * ROUTES; slot < (client + 1) * ROUTES; slot++) {
      const number = this.routeNumbers[slot] ?? -1;
      if (number >= 0) routes.push([this.routes.text(number), this.routeCounts[slot] ?? 0]);
    }
    return {
      firstAt: this.firstAt(client),
      lastAt: this.lastAt(client),
      count: this.counts[client] ?? 0,
      routes: routes.toSorted((a, b) => b[1] - a[1]),
    };
  }

  /** Puts back what was counted before. Gives the number of the client; -1 where the table is full. */
  restore(key: string, usage: Usage): number {
    const client = this.keys.internText(key);
    if (client < 0) return client;
    while (client >= this.first.length) this.grow();
    this.first[client] = usage.firstAt;
    this.last[client] = usage.lastAt;
    this.counts[client] = usage.count;
    for (const [text, count] of usage.routes) {
      const route = this.routes.internText(text);
      if (route >= 0) this.add(client, route, count);
    }
    return client;
  }
}

function copied<Column extends Float64Array | Int32Array | Uint8Array>(longer: Column, column: Column): Column {
  longer.set(column);
  return longer;
}
