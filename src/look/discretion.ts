import type { CollectorInstance } from '../plugin/collector.ts';
import { CollectError } from '../plugin/error.ts';
import type { Observation } from '../plugin/observation.ts';

/** A collector whose words hold no secret, whatever the other side said to it: neither its errors nor its problems. */
export function withoutSecrets(instance: CollectorInstance, clean: (text: string) => string): CollectorInstance {
  const watch = instance.watch?.bind(instance);
  const close = instance.close?.bind(instance);
  const permissions = instance.permissions?.bind(instance);
  return {
    discover: (signal) => discreet(instance.discover(signal), clean, (target) => target),
    observe: (target, known, signal) =>
      discreet(instance.observe(target, known, signal), clean, (observation) => cleaned(observation, clean)),
    ...(watch === undefined
      ? {}
      : { watch: (target, signal) => discreet(watch(target, signal), clean, (change) => change) }),
    ...(permissions === undefined
      ? {}
      : {
          permissions: async (target, signal) =>
            (await permissions(target, signal)).map((one) =>
              one.detail === undefined ? one : { ...one, detail: clean(one.detail) },
            ),
        }),
    ...(close === undefined ? {} : { close }),
  };
}

async function* discreet<T>(
  things: AsyncIterable<T>,
  clean: (text: string) => string,
  change: (thing: T) => T,
): AsyncGenerator<T> {
  try {
    for await (const thing of things) yield change(thing);
  } catch (error) {
    throw withoutSecret(error, clean);
  }
}

function cleaned(observation: Observation, clean: (text: string) => string): Observation {
  if (observation.problems.length === 0) return observation;
  return {
    ...observation,
    problems: observation.problems.map((problem) => ({ ...problem, detail: clean(problem.detail) })),
  };
}

/** The same error where it holds none: what was thrown tells more than a copy. */
function withoutSecret(error: unknown, clean: (text: string) => string): unknown {
  if (!(error instanceof Error)) return error;
  const said = [error.message, error.stack ?? '', causeText(error.cause)];
  if (said.every((text) => clean(text) === text)) return error;
  const message = clean(error.message);
  if (!(error instanceof CollectError)) return new Error(message);
  const { reason, retryAfterMs } = error;
  return new CollectError(reason, message, retryAfterMs === undefined ? {} : { retryAfterMs });
}

function causeText(cause: unknown): string {
  return cause instanceof Error ? `${cause.message}${causeText(cause.cause)}` : '';
}
