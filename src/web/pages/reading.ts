import { html } from 'hono/html';

import type { SourceState } from '../../inventory/model.ts';
import { span } from '../../policy/wording.ts';
import type { Had } from '../latest.ts';
import type { Survey } from '../parts.ts';
import { some, type Html } from './layout.ts';

const MAX_SOURCES = 5;

/** What a page says that does not rest on all there is: a page must not look as if all were well because nobody has looked. */
export function readingNote(
  { value, making }: Had<Survey>,
  now: number,
  sources: readonly Pick<SourceState, 'name' | 'baselineAt'>[] = [],
): Html | '' {
  const unfinished = sources.filter(({ baselineAt }) => baselineAt === undefined).map(({ name }) => name);
  if (making === undefined && unfinished.length === 0) return '';
  return html`<div class="notice" role="status" ${making === undefined ? '' : html`data-reading`}>
    ${making === undefined ? '' : html`<p>${progressText(value, making, now)}</p>`}
    ${
      unfinished.length === 0
        ? ''
        : html`<p>
            The first round of <strong>${some(unfinished, MAX_SOURCES)}</strong> is not over: more may be found there.
          </p>`
    }
  </div>`;
}

function progressText(value: Survey, making: Survey, now: number): Html {
  if (value.isWhole) {
    return html`<strong>Reading everything anew.</strong> What stands here was put together ${span(now - value.at)} ago.`;
  }
  const far =
    making.locations === 0
      ? ''
      : html`${number(making.read)} of ${number(making.locations)} locations so far, those that end first before the
        others.`;
  return html`<strong>Still reading what is known.</strong> ${far} Not all is here yet; it is in a few seconds.`;
}

/** When it was put together. */
export function madeNote({ value }: Had<Survey>, now: number): Html {
  return html`Put together ${span(now - value.at)} ago${value.isWhole ? '' : `, from ${number(value.read)} locations`}.`;
}

function number(count: number): string {
  return count.toLocaleString('en');
}
