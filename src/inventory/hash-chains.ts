import { withRow } from './columns.ts';

/** Marks the end of a chain, and what is not there. */
export const NONE = -1;

/**
 * Finds numbers by a hash of 32 bits: a few bytes for each, whatever the hash was made of. Several numbers may have one
 * hash, and different things too: who asks compares.
 */
export class HashChains {
  private heads = new Int32Array(1024).fill(NONE);
  private next = new Int32Array(0);
  private hashes = new Int32Array(0);
  private count = 0;

  /** Numbers are small and dense, and each is added at most once until it is removed. */
  add(number: number, hash: number): void {
    this.next = withRow(this.next, number);
    this.hashes = withRow(this.hashes, number);
    if (++this.count > this.heads.length) this.spread();
    this.hashes[number] = hash;
    this.link(number);
  }

  remove(number: number): void {
    const bucket = this.bucketOf(this.hashes[number] ?? 0);
    let before = NONE;
    let current = this.heads[bucket] ?? NONE;
    while (current !== NONE && current !== number) {
      before = current;
      current = this.next[current] ?? NONE;
    }
    if (current === NONE) return;
    const after = this.next[number] ?? NONE;
    if (before === NONE) this.heads[bucket] = after;
    else this.next[before] = after;
    this.count -= 1;
  }

  /** The first number with this hash, or `NONE`. */
  first(hash: number): number {
    return this.seek(this.heads[this.bucketOf(hash)] ?? NONE, hash);
  }

  /** The number after this one with the same hash, or `NONE`. */
  following(number: number): number {
    return this.seek(this.next[number] ?? NONE, this.hashes[number] ?? 0);
  }

  private seek(from: number, hash: number): number {
    let number = from;
    while (number !== NONE && this.hashes[number] !== hash) number = this.next[number] ?? NONE;
    return number;
  }

  private bucketOf(hash: number): number {
    return hash & (this.heads.length - 1);
  }

  private link(number: number): void {
    const bucket = this.bucketOf(this.hashes[number] ?? 0);
    this.next[number] = this.heads[bucket] ?? NONE;
    this.heads[bucket] = number;
  }

  private spread(): void {
    const linked: number[] = [];
    for (let number of this.heads) {
      for (; number !== NONE; number = this.next[number] ?? NONE) linked.push(number);
    }
    this.heads = new Int32Array(this.heads.length * 2).fill(NONE);
    for (const number of linked) this.link(number);
  }
}

/** 32 bits of a text (FNV-1a over its code units, finished as MurmurHash3 does). */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
