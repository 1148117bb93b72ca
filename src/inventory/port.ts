import type { Labels } from '../label/labels.ts';
import type { Remembered } from '../plugin/collector.ts';
import type { Json } from '../plugin/json.ts';
import type { EnricherName, Inquiry } from './fact.ts';
import type { Candidate } from './joining.ts';
import type { DescribedCertificate, KnownCertificate, Location, SourceState, TargetState } from './model.ts';

export interface LocationFilter {
  readonly source?: string;
  readonly target?: string;
  /** Of these targets of the source. */
  readonly targets?: readonly string[];
  readonly ids?: readonly number[];
}

/** The little that a look has to know of a location before it comes to it: a target may have very many. */
export interface LocationMark {
  readonly id: number;
  readonly location: string;
  readonly labels: Labels;
  /** Absent when the last look failed, too. */
  readonly version?: string;
  /** The last look saw all of it: when it is seen unchanged, nothing but times moves. */
  readonly isWhole: boolean;
}

/** A location that is no more. */
export type Departure = Pick<Location, 'id' | 'source' | 'location' | 'target' | 'labels'>;

/** A certificate of a server, a client or a signer that a location no longer holds. */
export interface EndedLeaf {
  readonly locationId: number;
  readonly item: KnownCertificate;
  readonly endedAt: number;
}

/** Reads what is known. Only current things: no withdrawn location, no sighting that ended. */
export interface InventoryReader {
  sources(): Promise<readonly SourceState[]>;
  /** Targets of a source that are not withdrawn, by key. */
  targets(source: string): Promise<readonly TargetState[]>;
  /** One target that is not withdrawn. */
  target(source: string, key: string): Promise<TargetState | undefined>;
  /** Ordered by source and location. */
  locations(filter?: LocationFilter): Promise<readonly Location[]>;
  /** The next locations by their keys, from the one after this key on (begin with 0); empty behind the last. */
  locationsAfter(id: number): Promise<readonly Location[]>;
  /**
   * Leaf certificates that current locations held until some time, a page at a time in the order in which they came: begin
   * with 0, go on with `cursor` while there is `more`. The latest 200 000 at most.
   */
  endedLeaves(
    after: number,
  ): Promise<{ readonly leaves: readonly EndedLeaf[]; readonly cursor: number; readonly more: boolean }>;
  /** A mark for every location of a target. */
  marks(source: string, target: string): Promise<readonly LocationMark[]>;
  /**
   * What a collector keeps beside the locations of a target, a page at a time: begin with 0, go on with `cursor` while
   * there is `more`.
   */
  memories(
    source: string,
    target: string,
    after: number,
  ): Promise<{ readonly memories: readonly Remembered[]; readonly cursor: number; readonly more: boolean }>;
  /** Certificates that were ever seen and that descriptions may be of: by SHA-256, SHA-1 or serial number. */
  candidates(described: readonly DescribedCertificate[]): Promise<readonly Candidate[]>;
  /** Ids of locations at which something described is now that may be one of these certificates, ascending. */
  locationsDescribing(certificates: readonly Candidate[]): Promise<readonly number[]>;
  /** The DER of a certificate or CRL that was seen. */
  der(fingerprint: string): Promise<Uint8Array | undefined>;
  /** What passed on the wire at the last look that has shown anything, a line each; empty where there is none. */
  transcript(locationId: number): Promise<readonly string[]>;
  /** Whether the targets of a source were all found once, and all that are there now were looked at. */
  isFirstRoundOver(source: string): Promise<boolean>;
  /** Locations whose assessment is due: changed by time alone. At most `limit`. */
  dueForAssessment(now: number, limit: number): Promise<readonly Location[]>;
  /** Withdrawn locations whose time of being told of as gone is over. At most `limit`. */
  dueDepartures(now: number, limit: number): Promise<readonly Departure[]>;
  /** When the next assessment is due, if any. */
  nextAssessmentAt(): Promise<number | undefined>;
}

/** A location to write, with the DER of what was seen for the first time. */
export interface LocationWrite {
  /** `id` 0 inserts, or revives a withdrawn location of the same source and name. */
  readonly location: Location;
  /** Fingerprint → DER of its certificates and CRLs; those already stored are left alone. */
  readonly ders: ReadonlyMap<string, Uint8Array>;
  /** What passed on the wire; absent where nothing new is known of it. */
  readonly transcript?: readonly string[];
  /** What its collector keeps beside it; absent leaves what it kept before. */
  readonly memory?: Json;
  /** Nothing but the last look moved: only times are written. */
  readonly touchOnly: boolean;
}

export interface InventoryWriter extends InventoryReader {
  saveSource(state: SourceState): Promise<void>;
  /** Inserts or revives the target; keeps its checkpoint and first-seen. */
  saveTarget(
    target: { source: string; key: string; labels: TargetState['labels']; data: Json },
    now: number,
  ): Promise<void>;
  /**
   * Takes the right to record a look at this target: false when a newer fence has recorded already, so that a paused
   * worker cannot write old news over new.
   */
  fence(source: string, target: string, fence: bigint): Promise<boolean>;
  /** The same for many targets of a source at once: gives those of which the right was got. */
  fenceAll(source: string, targets: readonly string[], fence: bigint): Promise<readonly TargetState[]>;
  /** Notes looks at targets that gave no new checkpoint. */
  noteLooks(source: string, targets: readonly string[], now: number): Promise<void>;
  /** A search has found all targets of a source; the first time is kept. */
  noteDiscovery(source: string, now: number): Promise<void>;
  /** Notes a look at the target; `undefined` keeps the last checkpoint. */
  setCheckpoint(source: string, target: string, checkpoint: Json | undefined, now: number): Promise<void>;
  /** Writes locations and gives them back with their ids. */
  saveLocations(writes: readonly LocationWrite[]): Promise<readonly Location[]>;
  /** Notes that locations were looked at and seen as they were, all that is in them included. */
  touch(ids: readonly number[], now: number): Promise<void>;
  /** Ends locations and their sightings; history stays until it is pruned. */
  withdrawLocations(ids: readonly number[], now: number): Promise<void>;
  withdrawTarget(source: string, target: string, now: number): Promise<void>;
  /** Withdraws a source that the config no longer names, with all its targets and locations. */
  withdrawSource(name: string, now: number): Promise<void>;
  /** When the findings of locations change by time alone, or those about one that is withdrawn end; `undefined` for never. */
  scheduleAssessments(times: ReadonlyMap<number, number | undefined>): Promise<void>;
  /** Locations are to be assessed then, unless they are earlier anyway. */
  assessBy(ids: readonly number[], at: number): Promise<void>;
}

/** What others have changed of that which every node keeps in memory. */
export interface News {
  /** Where to go on from. */
  readonly revision: number;
  /** As they are now. */
  readonly locations: readonly Location[];
  readonly departed: readonly Pick<Location, 'id' | 'source' | 'location'>[];
  readonly inquiries: readonly Inquiry[];
  readonly forgotten: readonly Pick<Inquiry, 'enricher' | 'subject'>[];
}

/** For the nodes of a cluster: what the others did, in the order in which it was committed. */
export interface ChangeReader {
  /** Of the last change. */
  revision(): Promise<number>;
  /** What other nodes changed after a revision; undefined when that is so long ago that it is no longer kept. */
  since(revision: number): Promise<News | undefined>;
  /** Locations that some node saw as they were after a time, by the time of the look. */
  looks(after: number): Promise<readonly { readonly at: number; readonly ids: readonly number[] }[]>;
  /** Forgets what is older. */
  prune(before: number): Promise<void>;
}

/** Reads what enrichers learned, and what they might ask about. */
export interface FactReader {
  /** All of them, ordered by subject and enricher. */
  inquiries(): Promise<readonly Inquiry[]>;
  /**
   * Certificates that are somewhere now, a page at a time: begin with 0, go on with `cursor` while there is `more`. What
   * is seen for the first time meanwhile comes at the end, also behind the cursor of the last page.
   */
  currentCertificates(
    after: number,
    limit: number,
  ): Promise<{ readonly certificates: readonly KnownCertificate[]; readonly cursor: number; readonly more: boolean }>;
  /** Ids of the locations at which one of these certificates is now, ascending. */
  locationsHolding(fingerprints: readonly string[]): Promise<readonly number[]>;
  /** Id of the location that is there longest. */
  firstLocation(): Promise<number | undefined>;
}

export interface FactWriter extends FactReader {
  /** Each takes the place of what was known by that enricher of that subject. */
  saveInquiries(inquiries: readonly Inquiry[]): Promise<void>;
  forgetInquiries(enricher: EnricherName, subjects: readonly string[]): Promise<void>;
}
