/** What Markdown reads something into, GitHub's links of bare addresses and mentions included. */
const SPECIAL = /[\\`*_{}[\]<>#+!|~&@$]|:(?=\/\/)|(?<=\bwww)\./gi;

/** Escapes text for a line of Markdown (CommonMark and GitHub's), so that it is shown as it stands. For one line of text. */
export function escapeMarkdown(text: string): string {
  return text.replace(/[\n\r]+/g, ' ').replace(SPECIAL, String.raw`\$&`);
}
