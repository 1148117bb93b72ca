import type { Database } from './schema.ts';

/** In an order in which each stands behind those that it refers to. A table that is missing here is an error of types. */
const ORDER = {
  sources: true,
  targets: true,
  locations: true,
  transcripts: true,
  memories: true,
  items: true,
  item_texts: true,
  ders: true,
  sightings: true,
  alerts: true,
  alert_places: true,
  alert_told: true,
  notifications: true,
  deliveries: true,
  receipts: true,
  silences: true,
  facts: true,
  due_times: true,
  writer: true,
  changes: true,
  nodes: true,
} as const satisfies Record<keyof Database, true>;

/** Every table, each behind those that it refers to. */
export const TABLES = Object.keys(ORDER) as readonly (keyof Database)[];
