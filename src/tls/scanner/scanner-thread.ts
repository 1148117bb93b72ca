import { parentPort } from 'node:worker_threads';

import { dial } from '../../network/dialer.ts';
import { createProber } from '../probe.ts';
import type { ProbeResult } from '../probe-result.ts';
import type { Answer, Request } from './messages.ts';

/** A message costs more than what is in it: it waits so long for more of the like. */
const BATCH_MS = 2;

/** The other end of `createScanner`: makes the probes it is asked for, and answers in batches. */
if (parentPort === null) throw new Error('this is the main module of a thread and nothing else');
const port = parentPort;
const probe = createProber({ now: () => performance.now() });
const underWay = new Map<number, AbortController>();
let answers: Answer[] = [];

port.on('message', (requests: readonly Request[]) => {
  for (const request of requests) {
    if (request.kind === 'stop') underWay.get(request.id)?.abort();
    else void work(request);
  }
});

async function work({ id, handshake, options }: Extract<Request, { kind: 'probe' }>): Promise<void> {
  const stop = new AbortController();
  underWay.set(id, stop);
  let answer: Answer;
  try {
    answer = { kind: 'result', id, result: await probe({ ...options, connect: dial }, handshake, stop.signal) };
  } catch (error) {
    answer = { kind: 'fault', id, message: error instanceof Error ? error.message : String(error) };
  }
  underWay.delete(id);
  // Nobody waits any longer for what was stopped.
  if (stop.signal.aborted) return;
  if (answers.length === 0) setTimeout(send, BATCH_MS);
  answers.push(answer);
}

function send(): void {
  const batch = answers;
  answers = [];
  port.postMessage(batch, memoryOf(batch));
}

function memoryOf(batch: readonly Answer[]): ArrayBuffer[] {
  const memory = new Set<ArrayBuffer>();
  for (const answer of batch) if (answer.kind === 'result') collect(answer.result, memory);
  return [...memory];
}

function collect({ chain, ocspStaple }: ProbeResult, memory: Set<ArrayBuffer>): void {
  for (const { buffer } of ocspStaple === undefined ? chain : [...chain, ocspStaple]) {
    if (buffer instanceof ArrayBuffer) memory.add(buffer);
  }
}
