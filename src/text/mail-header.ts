/**
 * Makes text fit for the value of a mail header that a mailer will encode: no line break, so no header of its own (RFC
 * 5322 2.2), and no encoded word that would be decoded into one by the reader (RFC 2047 2).
 */
export function mailHeaderText(text: string): string {
  return text
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .replaceAll('=?', '= ?')
    .replaceAll('?=', '? =')
    .trim();
}
