import pLimit from 'p-limit';

import type { CollectorInstance, Permission, Target } from '../../plugin/collector.ts';
import { counted } from '../../policy/wording.ts';
import { terminalText } from '../../text/terminal.ts';
import { complain, print } from '../output.ts';

/** Of one target, all its calls together. */
const DEADLINE_MS = 60_000;
/** Each is a place of its own, with limits of its own. */
const CONCURRENCY = 8;

/**
 * Tries the calls that a source makes at each of its targets and says which are allowed. Gives whether all are that could
 * be tried; a source that asks nobody for permission has none to try.
 */
export async function tryPermissions(source: string, instance: CollectorInstance): Promise<boolean> {
  if (instance.permissions === undefined) return true;
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const targets: Target[] = [];
  for await (const target of instance.discover(signal)) targets.push(target);
  const limit = pLimit(CONCURRENCY);
  const results = await Promise.all(targets.map((target) => limit(() => tryTarget(instance, target))));
  return results.map((tried, index) => tell(`source ${source}, ${targets[index]?.key ?? ''}`, tried)).every(Boolean);
}

async function tryTarget(instance: CollectorInstance, target: Target): Promise<readonly Permission[]> {
  try {
    return (await instance.permissions?.(target, AbortSignal.timeout(DEADLINE_MS))) ?? [];
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return [{ action: 'every call', on: target.key, status: 'failed', detail }];
  }
}

/** One line where all is well; else one for each action that is not allowed. */
function tell(what: string, tried: readonly Permission[]): boolean {
  const allowed = tried.filter(({ status }) => status === 'allowed');
  const untried = tried.filter(({ status }) => status === 'untried');
  const bad = tried.filter(({ status }) => status === 'denied' || status === 'failed');
  const rest = untried.length === 0 ? '' : `; nothing to try on: ${untried.map(({ action }) => action).join(', ')}`;
  const line = `${what}: ${counted(allowed.length, 'action')} of ${tried.length} allowed${rest}`;
  if (bad.length === 0) {
    print(terminalText(line));
    return true;
  }
  complain(terminalText(line));
  for (const { action, status, detail } of bad) {
    complain(terminalText(`  ${action} ${status}: ${detail ?? 'no reason was given'}`));
  }
  return false;
}
