import { ROLES, type Role } from '../plugin/item.ts';
import { withRow } from './columns.ts';
import { NONE } from './hash-chains.ts';

/** What an endpoint serves, what lies in a store, or what is shown to an endpoint by a client. */
export const HOME_KINDS = ['endpoint', 'store', 'client'] as const;
export type HomeKind = (typeof HOME_KINDS)[number];

/** Links point to the row after the one that is meant, so that what was never set points nowhere. */
type Link = number;

/**
 * Which leaf is at which site, a row each of some 40 bytes, linked by site and by leaf. Numbers of sites and leaves are small
 * and dense.
 */
export class LeafSightings {
  private leaves = new Int32Array(0);
  private sites = new Int32Array(0);
  private traits = new Uint8Array(0);
  private firstSeen = new Float64Array(0);
  private nextAtSite = new Int32Array(0);
  private nextOfLeaf = new Int32Array(0);
  private previousOfLeaf = new Int32Array(0);
  private headAtSite = new Int32Array(0);
  private headOfLeaf = new Int32Array(0);
  private rows = 0;
  private readonly free: number[] = [];

  get size(): number {
    return this.rows - this.free.length;
  }

  add(site: number, leaf: number, role: Role, kind: HomeKind, firstSeenAt: number): number {
    const row = this.free.pop() ?? this.rows++;
    this.leaves = withRow(this.leaves, row);
    this.sites = withRow(this.sites, row);
    this.traits = withRow(this.traits, row);
    this.firstSeen = withRow(this.firstSeen, row);
    this.nextAtSite = withRow(this.nextAtSite, row);
    this.nextOfLeaf = withRow(this.nextOfLeaf, row);
    this.previousOfLeaf = withRow(this.previousOfLeaf, row);
    this.headAtSite = withRow(this.headAtSite, site);
    this.headOfLeaf = withRow(this.headOfLeaf, leaf);
    this.leaves[row] = leaf;
    this.sites[row] = site;
    this.firstSeen[row] = firstSeenAt;
    this.setTraits(row, role, kind);
    this.nextAtSite[row] = this.headAtSite[site] ?? 0;
    this.headAtSite[site] = row + 1;
    const next = this.headOfLeaf[leaf] ?? 0;
    this.nextOfLeaf[row] = next;
    this.previousOfLeaf[row] = 0;
    if (next !== 0) this.previousOfLeaf[next - 1] = row + 1;
    this.headOfLeaf[leaf] = row + 1;
    return row;
  }

  remove(row: number): void {
    this.unlinkFromSite(row);
    // One leaf may be at very many sites, so that nobody may search for a row among them.
    const [previous, next] = [this.previousOfLeaf[row] ?? 0, this.nextOfLeaf[row] ?? 0];
    if (previous === 0) this.headOfLeaf[this.leafOf(row)] = next;
    else this.nextOfLeaf[previous - 1] = next;
    if (next !== 0) this.previousOfLeaf[next - 1] = previous;
    this.free.push(row);
  }

  private unlinkFromSite(row: number): void {
    const site = this.siteOf(row);
    const after = this.nextAtSite[row] ?? 0;
    if (this.headAtSite[site] === row + 1) {
      this.headAtSite[site] = after;
      return;
    }
    for (let link = this.headAtSite[site] ?? 0; link !== 0; link = this.nextAtSite[link - 1] ?? 0) {
      if (this.nextAtSite[link - 1] !== row + 1) continue;
      this.nextAtSite[link - 1] = after;
      return;
    }
  }

  setTraits(row: number, role: Role, kind: HomeKind): void {
    this.traits[row] = ROLES.indexOf(role) * HOME_KINDS.length + HOME_KINDS.indexOf(kind);
  }

  leafOf(row: number): number {
    return this.leaves[row] ?? NONE;
  }

  siteOf(row: number): number {
    return this.sites[row] ?? NONE;
  }

  firstSeenAt(row: number): number {
    return this.firstSeen[row] ?? 0;
  }

  roleOf(row: number): Role {
    return ROLES[Math.floor((this.traits[row] ?? 0) / HOME_KINDS.length)] ?? 'unknown';
  }

  kindOf(row: number): HomeKind {
    return HOME_KINDS[(this.traits[row] ?? 0) % HOME_KINDS.length] ?? 'store';
  }

  /** The rows of a site, the latest first. */
  atSite(site: number): readonly number[] {
    return follow(this.headAtSite[site], this.nextAtSite, Infinity);
  }

  /** The rows of a leaf, the latest first; at most so many. */
  ofLeaf(leaf: number, limit: number): readonly number[] {
    return follow(this.headOfLeaf[leaf], this.nextOfLeaf, limit);
  }

  /** Whether a leaf is anywhere. */
  isAnywhere(leaf: number): boolean {
    return (this.headOfLeaf[leaf] ?? 0) !== 0;
  }

  /** Whether a leaf is at a site of this kind, other than the one that is given. */
  isInKind(leaf: number, kind: HomeKind, exceptSite = NONE): boolean {
    for (let link = this.headOfLeaf[leaf] ?? 0; link !== 0; link = this.nextOfLeaf[link - 1] ?? 0) {
      if (this.kindOf(link - 1) === kind && this.siteOf(link - 1) !== exceptSite) return true;
    }
    return false;
  }
}

function follow(head: Link | undefined, next: Int32Array, limit: number): readonly number[] {
  const rows: number[] = [];
  for (let link = head ?? 0; link !== 0 && rows.length < limit; link = next[link - 1] ?? 0) rows.push(link - 1);
  return rows;
}
