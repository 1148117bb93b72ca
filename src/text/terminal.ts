/**
 * Escape sequences of ECMA-48, in their 7-bit (ESC) and 8-bit (C1) forms: control sequences; operating system commands and
 * other strings up to their end; two-character sequences.
 */
const SEQUENCES = new RegExp(
  [
    String.raw`(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]`,
    String.raw`(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?`,
    String.raw`\u001b[ -/]*[0-~]`,
  ].join('|'),
  'g',
);

/** Controls, bidi controls and zero-width characters. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Makes text fit for one line on a terminal: whole escape sequences, controls and invisible characters are taken out. */
export function terminalText(text: string): string {
  return text
    .replace(SEQUENCES, '')
    .replace(/[\t\n\v\f\r]+/g, ' ')
    .replace(INVISIBLE, '');
}
