import { CollectError } from '../plugin/error.ts';
import type { Permission } from '../plugin/collector.ts';
import type { CloudCall } from './failure.ts';

/**
 * Learns which calls are allowed from a look that is not recorded: each kind of call is made once. A second one is refused
 * here, so that a look at a store of any size costs a handful of calls.
 */
export interface Trial {
  /** Makes the call if it is the first of its kind. Throws what the call throws; CollectError `partial` for a second one. */
  run<T>(call: CloudCall, send: () => Promise<T>): Promise<T>;
  /** What was learned: each of the actions that a look may need, in order. */
  permissions(): readonly Permission[];
}

/** What a look may call; `on` is where. */
export function createTrial(actions: readonly string[], on: string): Trial {
  const begun = new Set<string>();
  const learned = new Map<string, Permission>();

  function note(call: CloudCall, status: Permission['status'], detail?: string): void {
    const known = learned.get(call.action);
    // Several calls may need one action: the worst that was seen holds.
    if (known !== undefined && known.status !== 'allowed') return;
    learned.set(call.action, { action: call.action, on, status, ...(detail === undefined ? {} : { detail }) });
  }

  return {
    async run(call, send) {
      const kind = call.call ?? call.action;
      if (begun.has(kind)) throw new CollectError('partial', `${kind} is tried once only`);
      begun.add(kind);
      try {
        const answer = await send();
        note(call, 'allowed');
        return answer;
      } catch (error) {
        note(call, statusOf(error), error instanceof Error ? error.message : String(error));
        throw error;
      }
    },

    permissions: () => {
      const all = [...new Set([...actions, ...learned.keys()])];
      return all.map(
        (action) => learned.get(action) ?? { action, on, status: 'untried', detail: 'there was nothing to try it on' },
      );
    },
  };
}

function statusOf(error: unknown): Permission['status'] {
  if (!(error instanceof CollectError)) return 'failed';
  switch (error.reason) {
    case 'permission_denied':
      return 'denied';
    case 'not_found':
    case 'empty':
      // Whoever may not ask is told so before it is looked for.
      return 'allowed';
    default:
      return 'failed';
  }
}
