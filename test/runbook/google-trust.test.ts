import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, it } from 'vitest';
import { parse } from 'yaml';

import type { Location } from '../../src/inventory/model.ts';
import { itemSituation, join } from '../../src/runbook/gathering.ts';
import { buildRunbook } from '../../src/runbook/runbook.ts';
import { createAuthority } from '../helpers/pki.ts';
import { authority, fileLocation, NOW, sighting } from '../policy/places.ts';

const old = createAuthority({ name: 'Old' }).certificate.pem;
const between = createAuthority({ name: 'Between' }).certificate.pem;
const next = createAuthority({ name: 'Next' }).certificate.pem;

const indented = (pem: string): string =>
  pem
    .trimEnd()
    .split('\n')
    .map((line) => `      ${line}`)
    .join('\n');

/** As gcloud writes a trust config, with the anchors behind the intermediates and before them. */
const EXPORTS = [
  `name: projects/p/locations/global/trustConfigs/partners
trustStores:
- intermediateCas:
  - pemCertificate: |-
${indented(between)}
  trustAnchors:
  - pemCertificate: |-
${indented(old)}
`,
  `trustStores:
- trustAnchors:
  - pemCertificate: |-
${indented(old)}
  intermediateCas:
  - pemCertificate: |-
${indented(between)}
`,
];

it.each(EXPORTS)('the anchor of a trust config gets its successor beside it, typed into a shell', (exported) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-gcloud-'));
  const at = (name: string): string => path.join(folder, name);
  writeFileSync(at('exported.yaml'), exported);
  writeFileSync(at('next.pem'), next);
  writeFileSync(
    at('gcloud'),
    `#!/bin/sh
case "$3" in
  export) for one; do case "$one" in --destination=*) cp "${at('exported.yaml')}" "\${one#--destination=}";; esac; done;;
  import) for one; do case "$one" in --source=*) cp "\${one#--source=}" "${at('imported.yaml')}";; esac; done;;
esac
`,
  );
  chmodSync(at('gcloud'), 0o755);
  const item = authority('Old');
  const location: Location = {
    ...fileLocation([sighting(item, { role: 'trust-anchor', place: 'anchors' })]),
    type: 'google-certificate-manager',
    location: 'projects/my-project-1/locations/global/trustConfigs/partners',
  };
  const { phases } = buildRunbook(itemSituation(item, join([location], new Map(), NOW)));
  const typed = (steps: (typeof phases)['trust']): readonly string[] => steps.flatMap(({ commands }) => commands);
  const script = [
    'set -eu',
    ...typed(phases.preparation),
    `cp "${at('next.pem')}" "$WORK/authority.pem"`,
    ...typed(phases.trust),
  ].join('\n');

  execFileSync('/bin/sh', ['-c', script], {
    env: { ...process.env, HOME: folder, PATH: `${folder}:${process.env['PATH'] ?? ''}` },
  });

  const { trustStores } = parse(readFileSync(at('imported.yaml'), 'utf8')) as {
    trustStores: { trustAnchors: { pemCertificate: string }[]; intermediateCas: { pemCertificate: string }[] }[];
  };
  expect(trustStores[0]?.trustAnchors.map((one) => one.pemCertificate.trim())).toEqual([next.trim(), old.trim()]);
  expect(trustStores[0]?.intermediateCas.map((one) => one.pemCertificate.trim())).toEqual([between.trim()]);
  rmSync(folder, { recursive: true, force: true });
});
