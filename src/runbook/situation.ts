import type { ClientOutlook, Home } from '../inventory/clients.ts';
import type { KnownItem, Location } from '../inventory/model.ts';
import type { Labels } from '../label/labels.ts';
import type { Severity } from '../plugin/notification.ts';
import type { Family, Finding } from '../policy/finding.ts';

/** One place that the alert is about, and what is known of it now. */
export interface AffectedLocation {
  readonly source: string;
  readonly location: string;
  readonly labels: Labels;
  readonly findings: readonly Finding[];
  /** Absent when it is withdrawn. */
  readonly known?: Location;
}

/** A newer certificate for the same names, and where it lies. */
export interface KnownSuccessor {
  readonly item: KnownItem;
  readonly homes: readonly Home[];
}

/** Everything that a runbook is made from. */
export interface Situation {
  readonly id: string;
  readonly state: 'open' | 'resolved' | 'withdrawn' | 'no alert';
  readonly severity?: Severity;
  /** Absent where there is no alert. */
  readonly family?: Family;
  /** The worst first. */
  readonly rules: readonly string[];
  /** What ends or is wrong, where the cause is an item. */
  readonly item?: KnownItem;
  readonly title: string;
  readonly affected: readonly AffectedLocation[];
  /** Everywhere the item lives. */
  readonly homes: readonly Home[];
  /** Endpoints whose clients begin to fail when the item ends. */
  readonly limits: readonly Location[];
  /** Logins that fail when the item ends. */
  readonly logins: readonly ClientOutlook[];
  /** Logins that may: the endpoint names the issuer. */
  readonly possibleLogins: readonly ClientOutlook[];
  readonly successors: readonly KnownSuccessor[];
  /** The page of each rule, as Markdown. */
  readonly pages: ReadonlyMap<string, string>;
  readonly now: number;
}
