import pc from 'picocolors';

import type { CertificateTime } from '../../certificate/time.ts';
import type { ChainExtra, ChainNode, ChainTree } from '../../policy/chain-tree.ts';
import { terminalText } from '../../text/terminal.ts';
import { moment } from './text.ts';

/** Certificates beside the path that are shown. */
const MAX_BESIDE = 20;

/** The tree as lines for a terminal, the root on top. */
export function chainTreeLines(tree: ChainTree, now: number): readonly string[] {
  const rows = tree.path.map((node, depth) => ({
    node,
    head: `${depth === 0 ? '' : `${'   '.repeat(depth - 1)}└─ `}${terminalText(node.name)}`,
  }));
  const width = Math.max(...rows.map(({ head }) => head.length));
  return [
    ...rows.map(({ node, head }) => {
      const line = `${node.limits ? '>' : ' '} ${head.padEnd(width)}  ${nodeText(node, now)}`;
      return node.from === 'nowhere' || node.from === 'elsewhere' ? pc.yellow(line) : line;
    }),
    ...tree.beside
      .slice(0, MAX_BESIDE)
      .map((extra) =>
        pc.dim(`  beside it, sent as ${extra.sentAs}: ${terminalText(extra.name)}, ${extraText(extra, now)}`),
      ),
    ...(tree.beside.length > MAX_BESIDE ? [pc.dim(`  … and ${tree.beside.length - MAX_BESIDE} more beside it`)] : []),
    ...tree.faults.map((fault) => pc.yellow(`  ! ${terminalText(fault)}`)),
  ];
}

function nodeText(node: ChainNode, now: number): string {
  const until = node.notAfter === undefined ? [] : [timeText(node.notAfter, now)];
  return [...until, whereText(node), ...(node.limits ? ['limits the chain'] : [])].join(', ');
}

function timeText(time: CertificateTime, now: number): string {
  switch (time.status) {
    case 'known':
      return `${time.at > now ? 'ends' : 'ended'} ${moment(time.at, now)}`;
    case 'never':
      return 'never ends';
    case 'unreadable':
      return 'its end cannot be read';
  }
}

function whereText({ from, sentAs, foundAt }: ChainNode): string {
  switch (from) {
    case 'server':
      return `sent as ${sentAs ?? 0}`;
    case 'trust-store':
      return 'not sent, found in the trust store';
    case 'elsewhere':
      return 'MISSING: not sent, known from elsewhere';
    case 'nowhere':
      return foundAt === undefined
        ? 'MISSING: neither sent nor in a trust store'
        : `MISSING: neither sent nor in a trust store, to be had at ${terminalText(foundAt)}`;
  }
}

function extraText({ why, notAfter }: ChainExtra, now: number): string {
  const until = notAfter === undefined ? '' : `${timeText(notAfter, now)}, `;
  switch (why) {
    case 'repeated':
      return 'for the second time';
    case 'alternate':
      return `${until}another way up that is not needed`;
    case 'unrelated':
      return `${until}which does not belong to it`;
    case 'unreadable':
      return 'which cannot be read';
  }
}
