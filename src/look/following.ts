import type { FactIndex } from '../inventory/fact-index.ts';
import type { InventoryIndex } from '../inventory/inventory-index.ts';
import type { Location } from '../inventory/model.ts';
import type { ChangeReader } from '../inventory/port.ts';

/** So much has happened since this node last looked that it must read everything anew: a restart does that. */
export class LostTrackError extends Error {
  override readonly name = 'LostTrackError';
}

export interface FollowingParts {
  readonly index: InventoryIndex;
  readonly facts: FactIndex;
  /** Notes beside the index what is known of each location. */
  readonly witness: { note(location: Location): void; forget(id: number): void };
  /** Where the index stands. */
  readonly revision: number;
}

/** Keeps what this node has in memory up to date with what the other nodes of a cluster record. */
export interface Following {
  /** Takes in what was committed by others. Throws LostTrackError. */
  catchUp(changes: Pick<ChangeReader, 'since'>): Promise<void>;
}

export function createFollowing({ index, facts, witness, revision: first }: FollowingParts): Following {
  let revision = first;
  return {
    async catchUp(changes) {
      const news = await changes.since(revision);
      if (news === undefined) {
        throw new LostTrackError(
          'this node was away for so long that nobody kept for it what the others did: restart it',
        );
      }
      // A transaction beside this one was faster, and may have noted what is newer.
      if (news.revision <= revision) return;
      revision = news.revision;
      // Who recorded it has judged what it concerns.
      for (const location of news.locations) {
        index.note(location);
        witness.note(location);
      }
      for (const location of news.departed) {
        index.forget(location);
        witness.forget(location.id);
      }
      for (const inquiry of news.inquiries) facts.set(inquiry);
      for (const { enricher, subject } of news.forgotten) facts.delete(enricher, subject);
    },
  };
}
