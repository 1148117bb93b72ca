import { HashChains, hashOf, NONE } from './hash-chains.ts';
import { lastInstantOf, namesKey, startOf, titleKey } from '../plugin/lineage.ts';
import type { KnownCertificate } from './model.ts';
import { packCertificate, packedId, unpackCertificate } from './packed-certificate.ts';

/** Certificates of one name that are compared; of more, the rest is taken for unknown. */
const MAX_COMPARED = 512;

const EMPTY: readonly number[] = [];

/** Leaf certificates by number, each once, in about 350 bytes. */
export class LeafTable {
  private readonly profiles: string[] = [];
  private readonly owns: string[] = [];
  private readonly startsAt: number[] = [];
  private readonly endsAt: number[] = [];
  private readonly shared = new Map<string, string>();
  private readonly byId = new HashChains();
  /** By the names, at twice the number of the leaf, and by the title where that is another text, at the number after it. */
  private readonly byKin = new HashChains();
  private readonly free: number[] = [];

  /** `NONE` when it is not there. */
  find(id: string): number {
    for (let number = this.byId.first(hashOf(id)); number !== NONE; number = this.byId.following(number)) {
      if (this.idOf(number) === id) return number;
    }
    return NONE;
  }

  /** The certificate must not be there yet. */
  add(certificate: KnownCertificate): number {
    const number = this.free.pop() ?? this.owns.length;
    const { profile, own } = packCertificate(certificate);
    let shared = this.shared.get(profile);
    if (shared === undefined) this.shared.set(profile, (shared = profile));
    this.profiles[number] = shared;
    this.owns[number] = own;
    this.startsAt[number] = startOf(certificate);
    this.endsAt[number] = lastInstantOf(certificate);
    this.byId.add(number, hashOf(certificate.id));
    const [names, title] = kinHashes(certificate);
    this.byKin.add(2 * number, names);
    if (title !== names) this.byKin.add(2 * number + 1, title);
    return number;
  }

  remove(number: number): void {
    const [names, title] = kinHashes(this.get(number));
    this.byId.remove(number);
    this.byKin.remove(2 * number);
    if (title !== names) this.byKin.remove(2 * number + 1);
    this.owns[number] = '';
    this.profiles[number] = '';
    this.free.push(number);
  }

  idOf(number: number): string {
    return packedId({ own: this.owns[number] ?? '' });
  }

  get(number: number): KnownCertificate {
    return unpackCertificate({ profile: this.profiles[number] ?? '', own: this.owns[number] ?? '' });
  }

  /** Those that begin and end later than this one and are for the same names, or are called the same. */
  newerThan(certificate: KnownCertificate): readonly number[] {
    const [start, end] = [startOf(certificate), lastInstantOf(certificate)];
    return this.relatives(certificate, (number) => this.beginsAt(number) > start && this.finishesAt(number) > end);
  }

  /** Those that begin and end earlier than this one and are for the same names, or are called the same. */
  olderThan(certificate: KnownCertificate): readonly number[] {
    const [start, end] = [startOf(certificate), lastInstantOf(certificate)];
    return this.relatives(certificate, (number) => this.beginsAt(number) < start && this.finishesAt(number) < end);
  }

  /** Dates first: they cost least. A hash that two names share is found out by whoever looks at the certificates. */
  private relatives(certificate: KnownCertificate, fits: (number: number) => boolean): readonly number[] {
    const [names, title] = kinHashes(certificate);
    const found = this.chained(names, fits);
    const called = names === title ? EMPTY : this.chained(title, fits);
    return found.length + called.length < 2
      ? called.length === 0
        ? found
        : called
      : [...new Set([...found, ...called])];
  }

  private chained(hash: number, fits: (number: number) => boolean): readonly number[] {
    let found: number[] | undefined;
    let compared = 0;
    for (let kin = this.byKin.first(hash); kin !== NONE; kin = this.byKin.following(kin)) {
      if (++compared > MAX_COMPARED) break;
      const number = kin >> 1;
      if (fits(number)) (found ??= []).push(number);
    }
    return found ?? EMPTY;
  }

  private beginsAt(number: number): number {
    return this.startsAt[number] ?? -Infinity;
  }

  private finishesAt(number: number): number {
    return this.endsAt[number] ?? -Infinity;
  }
}

function kinHashes(certificate: KnownCertificate): readonly [names: number, title: number] {
  const [names, title] = [namesKey(certificate), titleKey(certificate)];
  const hash = hashOf(names);
  return [hash, names === title ? hash : hashOf(title)];
}
