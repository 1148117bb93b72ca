import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { parseConfig } from '../../src/config/load.ts';
import { grantsOf, manifestsIn, wantedGrants, type Rule } from '../helpers/deploy-manifests.ts';
import { schemaFaults } from '../helpers/kube-schema.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const FOLDER = path.join(ROOT, 'deploy/kubernetes');
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));

function read(name: string): ReturnType<typeof manifestsIn> {
  return manifestsIn(readFileSync(path.join(FOLDER, name), 'utf8'));
}

describe('the manifests for Kubernetes', () => {
  it.each(files)('%s holds nothing that the API does not know', (name) => {
    const manifests = read(name);

    expect(manifests.length).toBeGreaterThan(0);
    expect(manifests.flatMap(schemaFaults)).toEqual([]);
  });

  it('are checked by models that find a field that does not exist, and a value of another type', () => {
    const deployment = read('notafter.yaml').find(({ kind }) => kind === 'Deployment');
    const text = JSON.stringify(deployment);
    const broken = text
      .replace('"readOnlyRootFilesystem"', '"readOnlyRootFileSystem"')
      .replace('"replicas":1', '"replicas":"1"');

    expect(schemaFaults(JSON.parse(broken))).toEqual([
      'Deployment.spec.replicas is no number',
      'Deployment.spec.template.spec.containers[0].securityContext.readOnlyRootFileSystem does not exist',
    ]);
  });

  it('allow exactly what the collector asks for, and nothing that writes', () => {
    const rules = read('access.yaml').flatMap((manifest) => manifest.rules ?? []);

    expect(grantsOf(rules)).toEqual(wantedGrants('cluster', 'read'));
  });

  it('allow in one namespace exactly what the collector asks for there', () => {
    const rules = read('access-namespaced.yaml').flatMap((manifest) => manifest.rules ?? []);

    expect(grantsOf(rules)).toEqual(wantedGrants('namespace', 'read'));
  });

  it('are the rules that the README of the collector names', () => {
    const readme = readFileSync(path.join(ROOT, 'collectors/kubernetes/README.md'), 'utf8');
    const [, block = ''] = /```yaml\n(rules:\n[\s\S]*?)```/.exec(readme) ?? [];
    const { rules } = parse(block) as { rules: Rule[] };

    expect(rules).toEqual(read('access.yaml').flatMap((manifest) => manifest.rules ?? []));
  });

  it('bring a config that is in order, and that the pod reads', () => {
    const [config] = read('config.yaml');
    const deployment = JSON.stringify(read('notafter.yaml'));

    const parsed = parseConfig('notafter.yaml', config?.data?.['notafter.yaml'] ?? '', {});

    expect(parsed.sources.map(({ name }) => name)).toEqual(['cluster', 'edge']);
    expect(deployment).toContain('/etc/notafter/notafter.yaml');
    expect(deployment).toContain(`"configMap":{"name":"${config?.metadata.name ?? ''}"}`);
  });

  it('run the image of this version', () => {
    const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };
    const chart = parse(readFileSync(path.join(ROOT, 'deploy/helm/notafter/Chart.yaml'), 'utf8')) as Record<
      string,
      unknown
    >;

    expect(JSON.stringify(read('notafter.yaml'))).toContain(`"image":"notafter:${version}"`);
    expect([chart['version'], chart['appVersion']]).toEqual([version, version]);
  });
});
