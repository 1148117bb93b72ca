import { describe, expect, test } from 'vitest';

import { parseCertificate } from '../../src/certificate/certificate.ts';
import { chainFigures } from '../../src/certificate/chain.ts';
import type { Location } from '../../src/inventory/model.ts';
import { applyObservation } from '../../src/inventory/record.ts';
import { addTrust2020, dstX3In2021, type CrossSigned } from '../helpers/cross-signs.ts';
import type { TestCertificate } from '../helpers/pki.ts';
import { judged, NOW, told } from './places.ts';

/** What is recorded of a look at the server, by somebody who trusts the anchors and knows of the roots. */
function lookedAt({ served }: CrossSigned, known: Record<'anchors' | 'roots', readonly TestCertificate[]>): Location {
  const anchors = known.anchors.map(({ der }) => parseCertificate(der));
  const roots = known.roots.map(({ der }) => parseCertificate(der));
  return applyObservation(
    undefined,
    {
      location: 'api.example.com:443@10.0.0.7',
      problems: [],
      items: served.map(({ der }, index) => ({
        kind: 'certificate',
        der,
        place: { key: 'chain', index },
        role: index === 0 ? 'server' : 'intermediate',
      })),
      endpoint: {
        address: '10.0.0.7',
        port: 443,
        serverName: 'api.example.com',
        handshake: 'hello',
        chain: served.map(({ fingerprint }) => fingerprint),
        acceptableIssuers: [],
        verdicts: [],
      },
    },
    {
      source: 'partners',
      type: 'endpoint',
      target: 'api.example.com:443',
      labels: {},
      chains: (list, at) => chainFigures(list, { anchors, roots }, { at }),
    },
    NOW,
  ).location;
}

describe('AddTrust in 2020', () => {
  const case2020 = addTrust2020(NOW);

  test('is a note that names the extra, while a good path exists', () => {
    const location = lookedAt(case2020, { anchors: [case2020.newRoot, case2020.oldRoot], roots: [] });
    expect(told(location)).toEqual(['expired info']);
    expect(judged(location).findings[0]).toMatchObject({
      cause: case2020.crossSign.fingerprint,
      title: 'USERTrust RSA Certification Authority',
      summary: expect.stringContaining('beside the path that clients take, and not needed there') as string,
    });
    const { actions } = judged(location).findings[0] ?? {};
    expect(actions?.join(' ')).toContain('Take USERTrust RSA Certification Authority out of what is sent there');
    expect(actions?.join(' ')).not.toContain('successor');
  });

  test('is a note where nobody is trusted, but the new root is known to exist', () => {
    const location = lookedAt(case2020, { anchors: [], roots: [case2020.newRoot] });
    expect(told(location)).toEqual(['expired info', 'untrusted info']);
  });

  test('is critical, once, where only the old root is known', () => {
    const location = lookedAt(case2020, { anchors: [case2020.oldRoot], roots: [] });
    expect(told(location)).toEqual(['expired critical']);
    expect(judged(location).findings[0]?.cause).toBe(case2020.crossSign.fingerprint);
  });
});

describe('DST Root CA X3 in 2021', () => {
  const case2021 = dstX3In2021(NOW);

  test('is nothing, while a good path exists', () => {
    expect(told(lookedAt(case2021, { anchors: [case2021.newRoot, case2021.oldRoot], roots: [] }))).toEqual([]);
  });

  test('is critical, once, where only the old root is known, and names that root', () => {
    const location = lookedAt(case2021, { anchors: [case2021.oldRoot], roots: [] });
    expect(told(location)).toEqual(['expired critical']);
    expect(judged(location).findings[0]).toMatchObject({
      cause: case2021.oldRoot.fingerprint,
      title: 'DST Root CA X3',
    });
  });
});
