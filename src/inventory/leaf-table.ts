import { ByteStore } from './byte-store.ts';
import { withRow } from './columns.ts';
import { HashChains, hashOf, NONE } from './hash-chains.ts';
import { lastInstantOf, namesKey, startOf, titleKey } from '../plugin/lineage.ts';
import type { KnownCertificate } from './model.ts';
import { isPackedId, packCertificate, packId, unpackCertificate } from './packed-certificate.ts';

/** Certificates of one name that are compared; of more, the rest is taken for unknown. */
const MAX_COMPARED = 512;

/** What self-signed certificates say of their issuers is shared by none: it must not fill the memory for ever. */
const MAX_PROFILES = 20_000;

const EMPTY: readonly number[] = [];

/** Leaf certificates by number, each once, in about 250 bytes, most of them outside of the heap. */
export class LeafTable {
  /** What very many share, by number, and the numbers. They stay, up to a limit. */
  private readonly profiles: string[] = [];
  private readonly profileNumbers = new Map<string, number>();
  private profileOf = new Int32Array(0);
  /** Of leaves that came when there was no more room for what many share. */
  private readonly ownProfiles = new Map<number, string>();
  private readonly owns = new ByteStore();
  private startsAt = new Float64Array(0);
  private endsAt = new Float64Array(0);
  private rows = 0;
  private readonly byId = new HashChains();
  /** By the names, at twice the number of the leaf, and by the title where that is another text, at the number after it. */
  private readonly byKin = new HashChains();
  private readonly free: number[] = [];

  /** `NONE` when it is not there. */
  find(id: string): number {
    const packed = packId(id);
    for (let number = this.byId.first(hashOf(id)); number !== NONE; number = this.byId.following(number)) {
      if (isPackedId(this.owns.get(number), packed)) return number;
    }
    return NONE;
  }

  /** The certificate must not be there yet. */
  add(certificate: KnownCertificate): number {
    const number = this.free.pop() ?? this.rows++;
    const { profile, own } = packCertificate(certificate);
    this.owns.set(number, own);
    this.profileOf = withRow(this.profileOf, number);
    this.startsAt = withRow(this.startsAt, number);
    this.endsAt = withRow(this.endsAt, number);
    const shared = this.numberOf(profile);
    this.profileOf[number] = shared;
    if (shared === NONE) this.ownProfiles.set(number, profile);
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
    this.owns.delete(number);
    this.ownProfiles.delete(number);
    this.free.push(number);
  }

  /** Whether the leaf of this number has this fingerprint. */
  hasId(number: number, id: string): boolean {
    return isPackedId(this.owns.get(number), packId(id));
  }

  get(number: number): KnownCertificate {
    return unpackCertificate({
      profile: this.profiles[this.profileOf[number] ?? 0] ?? this.ownProfiles.get(number) ?? '{}',
      own: this.owns.get(number),
    });
  }

  /** Those that begin and end later than this one and are for the same names, or are called the same. */
  newerThan(certificate: KnownCertificate): readonly number[] {
    return this.relatives(certificate, 1);
  }

  /** Those that begin and end earlier than this one and are for the same names, or are called the same. */
  olderThan(certificate: KnownCertificate): readonly number[] {
    return this.relatives(certificate, -1);
  }

  private relatives(certificate: KnownCertificate, direction: 1 | -1): readonly number[] {
    const start = startOf(certificate) * direction;
    const end = lastInstantOf(certificate) * direction;
    const names = namesKey(certificate);
    const title = titleKey(certificate);
    const found = this.chained(hashOf(names), start, end, direction);
    if (title === names) return found;
    const called = this.chained(hashOf(title), start, end, direction);
    if (called.length === 0) return found;
    return found.length === 0 ? called : [...new Set([...found, ...called])];
  }

  /** Dates first: they cost least. A hash that two names share is found out by whoever looks at the certificates. */
  private chained(hash: number, start: number, end: number, direction: 1 | -1): readonly number[] {
    let found: number[] | undefined;
    let compared = 0;
    for (let kin = this.byKin.first(hash); kin !== NONE; kin = this.byKin.following(kin)) {
      if (++compared > MAX_COMPARED) break;
      const number = kin >> 1;
      const isBeyond = (this.startsAt[number] ?? 0) * direction > start && (this.endsAt[number] ?? 0) * direction > end;
      if (isBeyond) (found ??= []).push(number);
    }
    return found ?? EMPTY;
  }

  private numberOf(profile: string): number {
    const known = this.profileNumbers.get(profile);
    if (known !== undefined) return known;
    if (this.profiles.length >= MAX_PROFILES) return NONE;
    const number = this.profiles.push(profile) - 1;
    this.profileNumbers.set(profile, number);
    return number;
  }
}

function kinHashes(certificate: KnownCertificate): readonly [names: number, title: number] {
  const [names, title] = [namesKey(certificate), titleKey(certificate)];
  const hash = hashOf(names);
  return [hash, names === title ? hash : hashOf(title)];
}
