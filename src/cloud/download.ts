import type { Context } from '../plugin/context.ts';
import { CollectError } from '../plugin/error.ts';
import { networkFailure } from '../plugin/network-failure.ts';

/** How long one download may take, milliseconds. */
const DEADLINE_MS = 60_000;

/**
 * What lies behind a URL that a service made for us alone. The URL is as good as a password: it stands in no error and no
 * log. `what` says in errors what was to be downloaded. Throws CollectError.
 */
export async function download(
  context: Context,
  url: string | undefined,
  what: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (url === undefined || !URL.canParse(url)) {
    throw new CollectError('service_error', `${what}: the service named no place to download it from`);
  }
  const { host } = new URL(url);
  try {
    using answer = await context.network.stream(url, { deadlineMs: DEADLINE_MS }, signal);
    if (answer.status !== 200) {
      throw new CollectError('service_error', `${what}: ${host} answered with HTTP ${answer.status}`);
    }
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of answer.body) {
      length += chunk.length;
      if (length > maxBytes) {
        throw new CollectError('too_large', `${what} is larger than the ${maxBytes / 1024 / 1024} MiB that are read`);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    signal.throwIfAborted();
    const failure = networkFailure(error);
    if (failure === undefined) throw error;
    throw new CollectError(failure.reason, `${what} from ${host}: ${failure.message}`, { cause: error });
  }
}
