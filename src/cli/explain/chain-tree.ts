import pc from 'picocolors';

import type { CertificateTime } from '../../certificate/time.ts';
import type { KnownDistrust, Location } from '../../inventory/model.ts';
import { chainFaults } from '../../policy/chain-faults.ts';
import { servedBy, servedLeaf, servedPath } from '../../policy/served.ts';
import type { InventoryView } from '../../policy/view.ts';
import { terminalText } from '../../text/terminal.ts';
import { moment } from './text.ts';

/** Certificates beside the path that are shown. */
const MAX_BESIDE = 20;

/** One certificate of the path that clients take, or the issuer that is missing at its top. */
interface ChainNode {
  /** Absent for an issuer that is known by name alone. */
  readonly id?: string;
  readonly name: string;
  readonly notAfter?: CertificateTime;
  /** Its place in the list that the server sent. */
  readonly sentAs?: number;
  /** `server`: it was sent. `trust-store`: it need not be. `elsewhere`: it should have been. `nowhere`: nobody has it. */
  readonly from: 'server' | 'trust-store' | 'elsewhere' | 'nowhere';
  /** Clients begin to fail when it ends. */
  readonly limits: boolean;
  /** Where it was found, when it is missing and was looked for. */
  readonly foundAt?: string;
}

/** What was sent beside the path. */
interface ChainExtra {
  readonly id: string;
  readonly name: string;
  readonly notAfter?: CertificateTime;
  readonly sentAs: number;
  readonly why: 'repeated' | 'alternate' | 'unrelated' | 'unreadable';
}

export interface ChainTree {
  /** The top first, the server's certificate last. */
  readonly path: readonly ChainNode[];
  readonly beside: readonly ChainExtra[];
  readonly isTrusted: boolean;
  /** Clauses: what is wrong with it. */
  readonly faults: readonly string[];
}

/** The chain of an endpoint: what was sent, what was missing and where it is to be had, what was found in the stores. */
export function chainTree(location: Location, view: Pick<InventoryView, 'facts'>): ChainTree | undefined {
  const { chain, endpoint } = location;
  const leaf = servedLeaf(location);
  if (chain === undefined || endpoint === undefined || leaf === undefined) return undefined;
  const served = servedBy(location);
  const unserved = new Map((chain.unserved ?? []).map((one) => [one.id, one]));
  const ids = chain.bestPathItems ?? chain.servedPathItems ?? [...servedPath(leaf.item, served)];
  const nodes = ids.map((id): ChainNode => {
    const item = served.find((sighting) => sighting.item.id === id)?.item;
    const other = unserved.get(id);
    const sentAs = endpoint.chain.indexOf(id);
    const notAfter = item?.notAfter ?? other?.notAfter;
    return {
      id,
      name: item?.title ?? other?.title ?? id,
      ...(notAfter === undefined ? {} : { notAfter }),
      ...(sentAs < 0 ? {} : { sentAs }),
      from: sentAs >= 0 ? 'server' : other?.from === 'elsewhere' ? 'elsewhere' : 'trust-store',
      limits: id === chain.effective.by,
    };
  });
  const { distrust } = chain;
  const isCut = distrust?.why === 'unknown-issuer' || distrust?.why === 'incomplete';
  return {
    path: [...(isCut ? [missingNode(distrust, view)] : []), ...nodes.toReversed()],
    beside: endpoint.chain.flatMap((id, sentAs): ChainExtra[] => {
      const isRepeated = endpoint.chain.indexOf(id) < sentAs;
      if (ids.includes(id) && !isRepeated) return [];
      const item = served.find((sighting) => sighting.item.id === id)?.item;
      const why = isRepeated
        ? 'repeated'
        : item === undefined
          ? 'unreadable'
          : chain.list?.alternates.includes(id) === true
            ? 'alternate'
            : 'unrelated';
      return [{ id, name: item?.title ?? id, ...(item === undefined ? {} : { notAfter: item.notAfter }), sentAs, why }];
    }),
    isTrusted: distrust === undefined && chain.bestPath !== undefined,
    faults: chainFaults(chain, served),
  };
}

function missingNode({ top, issuer }: KnownDistrust, view: Pick<InventoryView, 'facts'>): ChainNode {
  const found = view.facts(top).find(({ kind }) => kind === 'issuer');
  return {
    name: issuer,
    from: 'nowhere',
    limits: false,
    ...(found?.kind === 'issuer' ? { foundAt: found.url } : {}),
  };
}

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
