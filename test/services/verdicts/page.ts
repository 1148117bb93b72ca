import type { RehearsalVerdict } from '../../../src/tls/rehearse/rehearse.ts';
import { CLIENT_KINDS, type ClientKind } from '../../helpers/client-identities.ts';
import type { TlsVersion } from '../../helpers/rehearsal.ts';

/** The verdicts about one server over one version of TLS. */
export interface Row {
  readonly name: string;
  readonly version: TlsVersion;
  readonly verdicts: ReadonlyMap<ClientKind, RehearsalVerdict>;
}

/** The page of the reference with everything that was measured. */
export function verdictsPage(rows: readonly Row[]): string {
  const counts = { accepted: 0, rejected: 0, unknown: 0 };
  for (const { verdicts } of rows) for (const { status } of verdicts.values()) counts[status] += 1;
  const total = counts.accepted + counts.rejected + counts.unknown;
  return `# Verdicts

What a rehearsal says of servers that insist on a client certificate, beside what these servers log about the very same connection. Measured by \`test/services/verdicts.test.ts\`, which fails when one verdict contradicts the log; \`NOTAFTER_WRITE_DOCS=1 npm run test:services\` writes this page.

${total} rehearsals: ${counts.accepted} accepted, ${counts.rejected} rejected, ${counts.unknown} unknown. None was accepted whom the server refused, and none rejected whom it let in. A cell is the reason of the rejection, or the verdict itself.

| server | TLS | ${CLIENT_KINDS.join(' | ')} |
| --- | --- | ${CLIENT_KINDS.map(() => '---').join(' | ')} |
${rows.map(rowText).join('\n')}

The clients: the good one and the others are signed by an intermediate that they send along, under a root that the servers trust; *expired* ended a day ago, *not yet valid* begins in 5 days, *unknown CA* is signed by another root, *missing intermediate* sends its own certificate alone, *wrong EKU* is for servers only, *revoked* is named in the issuer's list.

- \`unknown\` with nginx: it completes the handshake with everybody and judges in its answer; where nothing may be asked, nobody can tell.
- \`unknown\` with \`-num_tickets 0\`: in TLS 1.3 such a server says nothing at all to a client that it accepts, and neither does one that has not made up its mind.
- The reason is the server's word. Go says \`certificate_expired\` of what is not valid yet as well, and \`bad_certificate\` of all that is left.
`;
}

function rowText({ name, version, verdicts }: Row): string {
  const cells = CLIENT_KINDS.map((kind) => cellText(verdicts.get(kind)));
  return `| ${name} | ${version.slice(-3)} | ${cells.join(' | ')} |`;
}

function cellText(verdict: RehearsalVerdict | undefined): string {
  if (verdict === undefined) return '';
  return verdict.status === 'rejected' ? `\`${verdict.reason}\`` : `**${verdict.status}**`;
}
