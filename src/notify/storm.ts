import { stormId, isStorm } from './identity.ts';
import { DEFAULT_STORM_AFTER, type NotifyOptions } from './options.ts';
import type { AlertReader } from './port.ts';
import { worstWordFirst, type Message, type Word } from './word.ts';

/** What counts as at once, milliseconds. */
export const STORM_WINDOW_MS = 60_000;
/** What is put off waits at least this long, so that it does not go alone. */
const LEAST_WAIT_MS = 5_000;

export interface Calmed {
  readonly messages: readonly Message[];
  /** What is put off, until when. */
  readonly later: readonly { readonly word: Word; readonly until: number }[];
}

/**
 * A receiver who gets hundreds of messages reads none. Up to `stormAfter` alerts a minute are told to a channel one by
 * one; what is more at once becomes one message, and what comes on top within the minute waits for its end and is told
 * in one. The end of an alert is always told by itself: the receiver may have it open.
 */
export async function calm(
  reader: Pick<AlertReader, 'recentWeight'>,
  messages: readonly Message[],
  options: Pick<NotifyOptions, 'stormAfter' | 'dryRun'>,
  isCollection: boolean,
  now: number,
): Promise<Calmed> {
  const limit = options.stormAfter ?? DEFAULT_STORM_AFTER;
  if (limit === 0 || options.dryRun !== undefined) return { messages, later: [] };
  const calmed: Message[] = [];
  const later: { word: Word; until: number }[] = [];
  for (const [channel, ofChannel] of Map.groupBy(messages, (message) => message.channel)) {
    const [apart, swept] = [ofChannel.filter((message) => !isNews(message)), ofChannel.filter(isNews)];
    const recent = swept.length === 0 ? 0 : await reader.recentWeight(channel, now - STORM_WINDOW_MS);
    if (swept.length + recent <= limit) calmed.push(...ofChannel);
    else if (recent >= limit && !isCollection) {
      calmed.push(...apart);
      for (const { words } of swept) later.push(...words.map((word) => ({ word, until: endOfMinute(now) })));
    } else {
      calmed.push(...(swept.length < 2 ? swept : [stormOf(channel, swept)]), ...apart);
    }
  }
  return { messages: calmed, later };
}

/** What is collected for a digest is one message already. */
function isNews({ words }: Message): boolean {
  return words.some(
    ({ reason, route, standing }) =>
      (reason === 'first' || reason === 'worse' || reason === 'changed' || reason === 'repeat') &&
      (route?.digest === undefined || standing.severity === 'critical'),
  );
}

function stormOf(channel: string, messages: readonly Message[]): Message {
  const words = messages.flatMap((message) => message.words);
  const group = stormId(
    channel,
    words.map(({ alert, told }) => `${alert.id} ${alert.generation} ${told?.at ?? ''}`),
  );
  return {
    channel,
    group,
    kind: 'storm',
    // What the receiver has open by itself goes on there; the storm is only how it hears of it now.
    words: words
      .map((word) => ({ ...word, group: word.told === undefined || isStorm(word.group) ? group : word.group }))
      .toSorted(worstWordFirst),
  };
}

/** All that waits, waits for the same moment. */
function endOfMinute(now: number): number {
  return Math.ceil((now + LEAST_WAIT_MS) / STORM_WINDOW_MS) * STORM_WINDOW_MS;
}
