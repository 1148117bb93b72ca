import type { AlertPlace } from './model.ts';

/** No channel shows a longer link. */
const MAX_URL = 500;

/** The runbook that the owners named in the label `runbook`: of the first of these places that has one that is a link. */
export function runbookOf(places: readonly AlertPlace[]): string | undefined {
  for (const { labels } of places) {
    const url = webAddress(labels['runbook']);
    if (url !== undefined) return url;
  }
  return undefined;
}

/** A label may be written by anybody who can label what is watched: only a web address without credentials, encoded. */
function webAddress(text: string | undefined): string | undefined {
  if (text === undefined || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if ((url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '') {
    return undefined;
  }
  // The one character left that would end a link in Slack.
  const address = url.href.replaceAll('|', '%7C');
  return address.length <= MAX_URL ? address : undefined;
}
