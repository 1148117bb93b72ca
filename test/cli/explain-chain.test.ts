import { stripVTControlCharacters } from 'node:util';

import { describe, expect, test } from 'vitest';

import { chainTreeLines } from '../../src/cli/explain/chain-tree.ts';
import { chainTree } from '../../src/policy/chain-tree.ts';
import type { ChainFigures, Location } from '../../src/inventory/model.ts';
import type { InventoryView } from '../../src/policy/view.ts';
import { authority, DAY, endpointLocation, fileLocation, leaf, NOW, root, sighting, view } from '../policy/places.ts';

const own = leaf();
const issuing = authority();
const anchor = root();
const cross = root('Example Root', { id: 'cc'.repeat(32), left: -5 * DAY });
const stranger = root('Stranger');
const TIDY = { isOutOfOrder: false, repeated: [], alternates: [], unrelated: [] };

function lines(location: Location, seen: Pick<InventoryView, 'facts'> = view()): readonly string[] {
  const tree = chainTree(location, seen);
  if (tree === undefined) throw new Error('there is no tree');
  return chainTreeLines(tree, NOW).map((line) => stripVTControlCharacters(line));
}

function serving(
  served: Parameters<typeof endpointLocation>[0],
  chain: Partial<ChainFigures>,
  options: Parameters<typeof endpointLocation>[1] = {},
): Location {
  const made = endpointLocation(served, options);
  return { ...made, chain: { ...made.chain, ...chain } };
}

describe('the chain as a tree', () => {
  test('shows what was sent, what the stores hold, what limits, and what stands beside', () => {
    const location = serving(
      [own, issuing, cross, stranger],
      {
        bestPathItems: [own.id, issuing.id, anchor.id],
        unserved: [{ id: anchor.id, title: anchor.title, notAfter: anchor.notAfter, from: 'anchor' }],
        list: { isOutOfOrder: false, repeated: [own.id], alternates: [cross.id], unrelated: [stranger.id] },
      },
      { path: [own, issuing] },
    );
    const repeated: Location = {
      ...location,
      ...(location.endpoint === undefined
        ? {}
        : { endpoint: { ...location.endpoint, chain: [...location.endpoint.chain, own.id] } }),
    };
    expect(lines(repeated)).toEqual([
      '  Example Root           ends 2036-01-30 12:00 UTC, in 3650 days, not sent, found in the trust store',
      '  └─ Example Issuing CA  ends 2031-01-31 12:00 UTC, in 1825 days, sent as 1',
      '>    └─ api.example.com  ends 2026-04-02 12:00 UTC, in 60 days, sent as 0, limits the chain',
      '  beside it, sent as 2: Example Root, ended 2026-01-27 12:00 UTC, 5 days ago, another way up that is not needed',
      '  beside it, sent as 3: Stranger, ends 2036-01-30 12:00 UTC, in 3650 days, which does not belong to it',
      '  beside it, sent as 4: api.example.com, for the second time',
      '  ! sent more than once: api.example.com',
      '  ! sent for no reason: Stranger',
    ]);
  });

  test('marks an intermediate that is known but was not sent', () => {
    const location = serving([own], {
      bestPathItems: [own.id, issuing.id, anchor.id],
      unserved: [
        { id: issuing.id, title: issuing.title, notAfter: issuing.notAfter, from: 'elsewhere' },
        { id: anchor.id, title: anchor.title, notAfter: { status: 'never' }, from: 'anchor' },
      ],
      list: TIDY,
    });
    expect(lines(location)).toEqual([
      '  Example Root           never ends, not sent, found in the trust store',
      '  └─ Example Issuing CA  ends 2031-01-31 12:00 UTC, in 1825 days, MISSING: not sent, known from elsewhere',
      '>    └─ api.example.com  ends 2026-04-02 12:00 UTC, in 60 days, sent as 0, limits the chain',
      '  ! not sent, though clients need it: Example Issuing CA',
    ]);
  });

  test('names the issuer that nobody has', () => {
    const distrust = {
      why: 'unknown-issuer',
      top: issuing.id,
      issuer: 'CN=Example Root,O=Example',
      isPublic: false,
    } as const;
    const location = serving([own, issuing], { distrust, list: TIDY }, { untrusted: true });
    expect(lines(location)).toEqual([
      '  CN=Example Root,O=Example  MISSING: neither sent nor in a trust store',
      '  └─ Example Issuing CA      ends 2031-01-31 12:00 UTC, in 1825 days, sent as 1',
      '>    └─ api.example.com      ends 2026-04-02 12:00 UTC, in 60 days, sent as 0, limits the chain',
      '  ! no trusted root: CN=Example Root,O=Example is neither served nor trusted',
    ]);
    const url = 'http://pki.example/root.der';
    const facts = (id: string) =>
      id === issuing.id ? [{ kind: 'issuer' as const, at: NOW, issuer: anchor, url }] : [];
    expect(lines(location, { facts })[0]).toBe(
      `  CN=Example Root,O=Example  MISSING: neither sent nor in a trust store, to be had at ${url}`,
    );
  });

  test('marks a limit that was found in a store', () => {
    const ending = root('Example Root', { left: -DAY });
    const location = serving(
      [own, issuing],
      {
        bestPathItems: [own.id, issuing.id, ending.id],
        unserved: [{ id: ending.id, title: ending.title, notAfter: ending.notAfter, from: 'anchor' }],
      },
      { limitedBy: ending },
    );
    expect(lines(location)[0]).toBe(
      '> Example Root           ended 2026-01-31 12:00 UTC, 1 day ago, not sent, found in the trust store, limits the chain',
    );
  });

  test('is for endpoints alone', () => {
    expect(chainTree(fileLocation([sighting(own)]), view())).toBeUndefined();
  });
});
