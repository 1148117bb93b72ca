/** A file in the folder that the first step makes, for the whole shell; only names of our own. */
export function work(name: string): string {
  return `"$WORK/${name}"`;
}

/** The successor's certificate, what is sent behind it, its key; the present certificate and what is sent behind it. */
export const FILES = {
  certificate: work('new.pem'),
  chain: work('chain.pem'),
  key: work('new.key'),
  oldCertificate: work('old.pem'),
  oldChain: work('old-chain.pem'),
  authority: work('authority.pem'),
  list: work('new.crl'),
} as const;

/** Something that only the person knows: the shell says so and stops where it is not set. `what` is our own text. */
export function given(variable: string, what: string): string {
  return `: "\${${variable}:?set ${variable} to ${what}}"`;
}

/** Replaces a file by what comes in, in one step, with the owner and the mode that it had; never by nothing. */
export const PUT =
  'put() { to=$(readlink -f -- "$1") && cp -p -- "$to" "$to.notafter-new" && cat > "$to.notafter-new" && test -s "$to.notafter-new" && mv -f -- "$to.notafter-new" "$to"; }';

/** Prints a PEM file with the certificate of a fingerprint replaced by what is in another file; all else stays as it is. */
export const SWAP = [
  'swap() {',
  '  rm -rf "$WORK/parts" && mkdir "$WORK/parts" || return',
  String.raw`  awk -v d="$WORK/parts" '/-----BEGIN/{n++} n{print > (d "/" sprintf("%06d", n))}' "$1"`,
  '  for part in "$WORK"/parts/*; do',
  '    if openssl x509 -in "$part" -noout -fingerprint -sha256 2>/dev/null | tr -d : | grep -qi "$2"; then cat "$3"; else cat "$part"; fi',
  '  done',
  '}',
].join('\n');

/** The certificates of a PEM file behind the first. `file` is a word for the shell. */
export function restOf(file: string): string {
  return `awk '/-----BEGIN CERTIFICATE-----/{n++; c=1} c && n>1{print} /-----END CERTIFICATE-----/{c=0}' ${file}`;
}
