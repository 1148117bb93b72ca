/**
 * Which file holds the private key of the certificate in another, by the names that tools give them: `tls.crt` and
 * `tls.key`, `x.pem` and `x-key.pem`, `fullchain.pem` and `privkey.pem`.
 */

const CERTIFICATE_ENDING = /\.(?:pem|crt|cer|cert|der)$/;
const KEY_ENDING = /\.(?:key|pem|der|pk8|p8)$/;
/** What names say of their content, behind what the content is called itself. */
const CERTIFICATE_WORD = /(?:^|[-_.])(?:fullchain|certificate|cert|crt|server-cert-chain)(?=\d*$)/;
const KEY_WORD = /(?:^|[-_.])(?:privkey|private-key|privatekey|private|key)(?=\d*$)/;
/** Authorities alone, above somebody else's certificate: certbot's `chain.pem`. */
const CHAIN_ALONE = /(?:^|[-_.])(?:chain|ca-bundle|intermediates?)\d*$/;

/** What the certificate in a file is called, to be compared with `keyStem`; undefined where the name promises none. */
export function certificateStem(name: string): string | undefined {
  const lower = name.toLowerCase();
  if (!CERTIFICATE_ENDING.test(lower)) return undefined;
  const bare = lower.replace(CERTIFICATE_ENDING, '');
  return CHAIN_ALONE.test(bare) && !/fullchain\d*$/.test(bare) ? undefined : bare.replace(CERTIFICATE_WORD, '');
}

/** What the private key in a file is called; undefined where the name promises none. */
export function keyStem(name: string): string | undefined {
  const lower = name.toLowerCase();
  if (!lower.includes('key') && !lower.includes('private')) return undefined;
  const [ending] = KEY_ENDING.exec(lower) ?? [];
  if (ending === undefined) return undefined;
  const bare = lower.slice(0, -ending.length);
  const stem = bare.replace(KEY_WORD, '');
  return ending === '.key' || stem !== bare ? stem : undefined;
}

/** Whether a name says itself that a certificate is in it, as `cert.pem` and `fullchain.pem` do: those go together. */
export function saysCertificate(name: string): boolean {
  return CERTIFICATE_WORD.test(name.toLowerCase().replace(CERTIFICATE_ENDING, ''));
}
