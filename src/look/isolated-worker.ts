import { parentPort } from 'node:worker_threads';

import type { Answer, Task } from './isolation.ts';

/** The other end of `createIsolation`: loads the module that is named, runs what it exports as `isolated`, and answers. */
async function run({ module, input }: Task): Promise<Answer> {
  try {
    const { isolated } = (await import(module)) as { isolated: (input: unknown) => unknown };
    return { kind: 'done', output: await isolated(input) };
  } catch (error) {
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
}

if (parentPort === null) throw new Error('this is the main module of a worker thread and nothing else');
const port = parentPort;
port.on('message', (task: Task) => {
  void run(task).then((answer) => port.postMessage(answer));
});
port.postMessage({ kind: 'ready' } satisfies Answer);
