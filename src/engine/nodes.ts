/** What a node of a cluster does: looks and serves, only looks, or only serves. */
export const NODE_ROLES = ['all', 'worker', 'web'] as const;
export type NodeRole = (typeof NODE_ROLES)[number];

/** A node, as it says of itself. */
export interface NodeReport {
  /** Unique in the cluster. */
  readonly name: string;
  readonly role: NodeRole;
  /** Where it stands in the network, for what is looked at only from there. */
  readonly zone?: string;
  /** A digest of its config. */
  readonly config: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

export interface KnownNode extends NodeReport {
  /** This very process. */
  readonly isThis: boolean;
}

/** The nodes of a cluster know each other by what they say every few seconds. */
export interface Nodes {
  /** Says that this node is there. Gives those that are, and the time by which all go, milliseconds since the epoch. */
  report(node: NodeReport): Promise<{ readonly now: number; readonly alive: readonly KnownNode[] }>;
  /** This node stops. */
  leave(name: string): Promise<void>;
}
