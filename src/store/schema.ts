import type { Generated, Kysely } from 'kysely';

import type { EnricherName, Fact } from '../inventory/fact.ts';
import type { KnownItem, Location, Sighting, TargetState } from '../inventory/model.ts';
import type { Acknowledgement, Alert, AlertPlace, Silence, Told } from '../notify/model.ts';
import type { Receipt } from '../plugin/channel.ts';
import type { Role } from '../plugin/item.ts';
import type { Notification, NotificationReason, Severity } from '../plugin/notification.ts';
import type { Json } from '../plugin/json.ts';
import type { Reason } from '../plugin/reason.ts';
import type { JsonText } from './json.ts';

/**
 * The tables, as both databases have them. Times are milliseconds since the epoch; `…_json` columns hold JSON text, so
 * that one set of queries serves both; whatever is searched for has a column of its own.
 */
export interface Database {
  sources: SourceTable;
  targets: TargetTable;
  locations: LocationTable;
  transcripts: TranscriptTable;
  memories: MemoryTable;
  items: ItemTable;
  item_texts: ItemTextTable;
  ders: DerTable;
  sightings: SightingTable;
  alerts: AlertTable;
  alert_places: AlertPlaceTable;
  alert_told: AlertToldTable;
  notifications: NotificationTable;
  deliveries: DeliveryTable;
  receipts: ReceiptTable;
  silences: SilenceTable;
  due_times: DueTimeTable;
  facts: FactTable;
  writer: WriterTable;
  changes: ChangeTable;
  nodes: NodeTable;
}

/** A connection or a transaction. */
export type Connection = Kysely<Database>;

/** A database that was opened, with the schema of this version. */
export interface OpenDatabase {
  readonly db: Kysely<Database>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

export interface SourceTable {
  name: string;
  type: string;
  interval_ms: number;
  definition: string | null;
  baseline_at: number | null;
  first_seen_at: number;
  withdrawn_at: number | null;
  /** When a search for its targets was complete for the first time. */
  discovered_at: number | null;
}

export interface TargetTable {
  source: string;
  key: string;
  labels_json: JsonText<TargetState['labels']>;
  data_json: JsonText<Json>;
  checkpoint_json: JsonText<Json> | null;
  /** 64 bits: written and compared, never read, since a JavaScript number cannot hold it. */
  fence: bigint | null;
  first_seen_at: number;
  last_look_at: number | null;
  withdrawn_at: number | null;
}

/** One row for each location for ever: a withdrawn one that comes back is the same row. */
export interface LocationTable {
  id: Generated<number>;
  source: string;
  location: string;
  target: string;
  type: string;
  labels_json: JsonText<Location['labels']>;
  version: string | null;
  first_seen_at: number;
  last_look_at: number;
  last_success_at: number | null;
  failure_reason: Reason | null;
  failure_detail: string | null;
  failures: number;
  problems_json: JsonText<Location['problems']>;
  endpoint_json: JsonText<NonNullable<Location['endpoint']>> | null;
  chain_json: JsonText<NonNullable<Location['chain']>> | null;
  /** Identity of the item at whose end its clients begin to fail. */
  limited_by: string | null;
  assess_at: number | null;
  withdrawn_at: number | null;
}

/** Lines for people, of the last look at which they were others than before. */
export interface TranscriptTable {
  location_id: number;
  lines_json: JsonText<readonly string[]>;
}

/** What a collector keeps beside a location, for its next looks. */
export interface MemoryTable {
  location_id: number;
  memory_json: JsonText<Json>;
}

/** What was seen, once for the whole inventory. */
export interface ItemTable {
  id: Generated<number>;
  kind: string;
  identity: string;
  /** The whole item as the inventory knows it. */
  facts_json: JsonText<KnownItem>;
  /** Its end where that is known: for queries by date. */
  not_after: number | null;
  /** Lower-case hex, where it is known; of certificates, described ones too. */
  sha1: string | null;
  /** As `plainSerial` has it; of certificates, described ones too. */
  serial: string | null;
}

/** What a search looks in, in lower case; of items that are somewhere now. */
export interface ItemTextTable {
  item_id: number;
  text: string;
}

/** The bytes apart from the facts: listing the inventory never reads them. */
export interface DerTable {
  fingerprint: string;
  der: Uint8Array;
}

/** The part of a sighting that most sightings do not have. */
export type Attributes = Pick<Sighting, 'labels' | 'usedBy' | 'key' | 'supersededBy' | 'remarks' | 'renewal' | 'use'>;

/**
 * An item at a place of a location, for one period: while it is there `ended_at` is null and there is at most one row;
 * when it goes the row stays as history; when it comes back a new row begins.
 */
export interface SightingTable {
  id: Generated<number>;
  location_id: number;
  item_id: number;
  place: string;
  idx: number;
  role: Role;
  first_seen_at: number;
  last_seen_at: number;
  /** Labels, users, key, successor, renewal and use; null when there is nothing of it. */
  attributes_json: JsonText<Attributes> | null;
  /** Of its location. */
  source: string;
  /** The label of that name, its own or else the location's. */
  owner: string | null;
  /** Of its item; the end with a number for what has none, the title in lower case. */
  kind: string;
  end_at: number;
  title_key: string;
  ended_at: number | null;
}

export interface AlertTable {
  id: string;
  family: string;
  cause: string;
  state: 'open' | 'resolved' | 'withdrawn';
  generation: number;
  opened_at: number;
  closed_at: number | null;
  /** 0 or 1. */
  awaits_digest: number;
  /** Null when nothing is put off. */
  held_json: JsonText<NonNullable<Alert['held']>> | null;
  /** The first moment at which something that is put off is looked at again. */
  wake_at: number | null;
  acknowledgement_json: JsonText<Acknowledgement> | null;
  /** Another after each save; empty where it was saved before there were versions. */
  version: Generated<string>;
}

export interface AlertPlaceTable {
  alert_id: string;
  location_id: number;
  source: string;
  location: string;
  target: string;
  labels_json: JsonText<AlertPlace['labels']>;
  state: 'open' | 'resolved' | 'withdrawn';
  findings_json: JsonText<AlertPlace['findings']>;
  first_at: number;
  last_at: number;
  good_looks: number;
}

export interface AlertToldTable {
  alert_id: string;
  channel: string;
  severity: Severity;
  rules_json: JsonText<Told['rules']>;
  reason: NotificationReason;
  at: number;
  repeat_at: number | null;
  group_key: string | null;
  notification_id: string | null;
  place_count: number | null;
  ends_at: number | null;
  news_at: number | null;
}

/** `seq` is the order in which notifications were decided. */
export interface NotificationTable {
  seq: Generated<number>;
  id: string;
  channel: string;
  notification_json: JsonText<Notification>;
  enqueued_at: number;
  weight: Generated<number>;
}

export interface DeliveryTable {
  seq: number;
  recipient: string;
  /** Copied from the notification, for the order within a group. */
  channel: string;
  group_key: string;
  state: 'pending' | 'delivered' | 'failed';
  attempts: number;
  next_at: number;
  last_error: string | null;
  settled_at: number | null;
}

export interface ReceiptTable {
  channel: string;
  recipient: string;
  group_key: string;
  receipt_json: JsonText<Receipt>;
  at: number;
}

export interface SilenceTable {
  id: string;
  matchers_json: JsonText<Silence['matchers']>;
  created_at: number;
  until: number;
  author: string;
  comment: string;
}

/** What an enricher learned of a subject, or that it has asked in vain. */
export interface FactTable {
  enricher: EnricherName;
  subject: string;
  fact_json: JsonText<Fact> | null;
  asked_at: number;
  ask_again_at: number;
  failures: number;
  problem: string | null;
}

export interface DueTimeTable {
  name: string;
  due_at: number;
}

/** One row in a store of several nodes, none in that of one. */
export interface WriterTable {
  id: number;
  /** Counts the transactions that changed something others keep in memory. */
  revision: number;
}

/** What such a transaction changed; kept for a while. */
export interface ChangeTable {
  id: Generated<number>;
  revision: number;
  /** The process that made it: it knows. */
  node: string;
  kind: 'location' | 'departure' | 'inquiry';
  /** JSON text of what names it. */
  key: string;
  at: number;
}

/** A node of a cluster, as it last said of itself. */
export interface NodeTable {
  name: string;
  /** Another where a node of the same name was started anew, or twice. */
  process: string;
  role: string;
  zone: string | null;
  /** A digest of its config. */
  config: string;
  started_at: number;
  seen_at: number;
}
