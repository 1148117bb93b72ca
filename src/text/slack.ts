const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** Slack has no escape for its formatting characters, so their look-alikes stand in. */
const LOOK_ALIKES = [
  ['*', '∗'],
  ['_', 'ˍ'],
  ['~', '∼'],
] as const;
const BACKTICK = 'ˋ';

/**
 * Escapes text for Slack's mrkdwn: no mention, link or channel can come from it (`&`, `<` and `>` as entities,
 * https://docs.slack.dev/messaging/formatting-message-text), and no formatting: a formatting character that could have a
 * partner in the text is replaced by one that looks alike. Names that someone will copy belong into `slackCode`.
 */
export function escapeSlack(text: string): string {
  let escaped = escapeEntities(text).replaceAll('`', BACKTICK);
  for (const [mark, lookAlike] of LOOK_ALIKES) {
    if (escaped.indexOf(mark) !== escaped.lastIndexOf(mark)) escaped = escaped.replaceAll(mark, lookAlike);
  }
  // A quote begins with `>`, which is an entity by now; it still quotes at the start of a line.
  return escaped.replace(/^(\s*)&gt;/gm, '$1›');
}

/** Text as inline code of mrkdwn: everything but backticks stays as it is and can be copied. */
export function slackCode(text: string): string {
  const code = escapeEntities(text)
    .replaceAll('`', BACKTICK)
    .replace(/[\r\n]+/g, ' ');
  return code.trim() === '' ? '' : `\`${code}\``;
}

function escapeEntities(text: string): string {
  return text.replace(/[&<>]/g, (character) => ENTITIES[character] ?? '');
}
