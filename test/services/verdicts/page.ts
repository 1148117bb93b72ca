import type { Verdict } from '../../../src/plugin/observation.ts';
import { CLIENT_KINDS, type ClientKind } from '../../helpers/client-identities.ts';
import type { TlsVersion } from '../../helpers/rehearsal.ts';

/** What a cell of the table holds. */
export type CellVerdict = Pick<Verdict, 'status' | 'reason'>;

/** The verdicts about one server over one version of TLS. */
export interface Row {
  readonly name: string;
  readonly version: TlsVersion;
  readonly verdicts: ReadonlyMap<ClientKind, CellVerdict>;
}

/** The page of the reference with everything that was measured. */
export function verdictsPage(rows: readonly Row[]): string {
  const counts = { accepted: 0, rejected: 0, unknown: 0 };
  for (const { verdicts } of rows) for (const { status } of verdicts.values()) counts[status] += 1;
  const total = counts.accepted + counts.rejected + counts.unknown;
  return `# Verdicts

What a rehearsal says of servers that insist on a client certificate, beside what these servers log about the very same connection. Each cell three times: one login alone, with the log read right after it; by \`notafter check\` with all clients at once; and by the daemon, from its store and its metrics. The three agree in every cell, and the log of each server has exactly as many acceptances in each way. Measured by \`test/services/verdicts.test.ts\`, which fails when one verdict contradicts the log; \`NOTAFTER_WRITE_DOCS=1 npm run test:services\` writes this page.

${total} cells, ${3 * total} rehearsals: ${counts.accepted} cells accepted, ${counts.rejected} rejected, ${counts.unknown} unknown. None was accepted whom the server refused, and none rejected whom it let in. A cell is the reason of the rejection, or the verdict itself.

| server | TLS | ${CLIENT_KINDS.join(' | ')} |
| --- | --- | ${CLIENT_KINDS.map(() => '---').join(' | ')} |
${rows.map(rowText).join('\n')}

The clients: the good one and the others are signed by an intermediate that they send along, under a root that the servers trust; *expired* ended a day ago, *not yet valid* begins in 5 days, *unknown CA* is signed by another root, *missing intermediate* sends its own certificate alone, *wrong EKU* is for servers only, *revoked* is named in the issuer's list.

- \`unknown\` with nginx: it completes the handshake with everybody and judges in its answer; where nothing may be asked, nobody can tell.
- \`unknown\` with \`-num_tickets 0\`: in TLS 1.3 such a server says nothing at all to a client that it accepts, and neither does one that has not made up its mind.
- \`closed\` with Node: its servers hang up on whom they refuse, and send no alert.
- The reason is the server's word. Go says \`certificate_expired\` of what is not valid yet as well, and \`bad_certificate\` of all that is left.
`;
}

function rowText({ name, version, verdicts }: Row): string {
  const cells = CLIENT_KINDS.map((kind) => cellText(verdicts.get(kind)));
  return `| ${name} | ${version.slice(-3)} | ${cells.join(' | ')} |`;
}

function cellText(verdict: CellVerdict | undefined): string {
  if (verdict === undefined) return '';
  return verdict.status === 'rejected' ? `\`${verdict.reason}\`` : `**${verdict.status}**`;
}
