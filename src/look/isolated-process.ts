import { Script } from 'node:vm';

import type { Answer, Task } from './isolation.ts';

/**
 * The other end of `createIsolation`: loads the module that is named, runs what it exports as `isolated`, and answers. It
 * ends with the process that started it; should that be killed in the middle of a task, the task ends by itself.
 */
async function run({ module, input, timeMs }: Task): Promise<Answer> {
  try {
    const { isolated } = (await import(module)) as { isolated: (input: unknown) => unknown };
    return { kind: 'done', output: runFor(2 * timeMs, () => isolated(input)) };
  } catch (error) {
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

/** Runs a function no longer than that: scripts have a watchdog, and with a script ends what it calls. */
function runFor(timeMs: number, isolatedWork: () => unknown): unknown {
  Object.assign(globalThis, { isolatedWork });
  return new Script('isolatedWork()').runInThisContext({ timeout: timeMs });
}

const send = process.send?.bind(process);
if (send === undefined) throw new Error('this is the main module of a child process and nothing else');
process.on('message', (task) => {
  void run(task as Task).then((answer) => send(answer));
});
process.on('disconnect', () => process.exit());
send({ kind: 'ready' } satisfies Answer);
