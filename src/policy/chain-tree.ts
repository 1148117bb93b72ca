import type { CertificateTime } from '../certificate/time.ts';
import type { KnownDistrust, Location } from '../inventory/model.ts';
import { chainFaults } from './chain-faults.ts';
import { servedBy, servedLeaf, servedPath } from './served.ts';
import type { InventoryView } from './view.ts';

/** One certificate of the path that clients take, or the issuer that is missing at its top. */
export interface ChainNode {
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
export interface ChainExtra {
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
