import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';

import { parseConfig } from '../../src/config/load.ts';
import { grantsOf, manifestsIn, wantedGrants, type Manifest } from '../helpers/deploy-manifests.ts';
import { findHelm } from '../helpers/go-programs.ts';
import { schemaFaults } from '../helpers/kube-schema.ts';

const CHART = path.join(import.meta.dirname, '../../deploy/helm/notafter');
/** One that is built so thinks that clusters are of the year 2020. */
const CLUSTER = ['--kube-version', '1.32.0'] as const;
const helm = findHelm();
if (helm === undefined) console.warn('the chart is not rendered: there is no helm; test/services/install.ts says why');

function run(...args: readonly string[]): string {
  if (helm === undefined) throw new Error('there is no helm');
  return execFileSync(helm, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function render(values: object = {}): readonly Manifest[] {
  if (helm === undefined) throw new Error('there is no helm');
  const text = execFileSync(
    helm,
    ['template', 'notafter', CHART, '--namespace', 'watch', '--values', '-', ...CLUSTER],
    {
      input: stringify(values),
      encoding: 'utf8',
    },
  );
  return manifestsIn(text);
}

function rulesOf(manifests: readonly Manifest[], kind: string): readonly string[] {
  return grantsOf(manifests.filter((one) => one.kind === kind).flatMap(({ rules = [] }) => rules));
}

describe.runIf(helm !== undefined)('the Helm chart', () => {
  it('has nothing that helm lint objects to, strictly', () => {
    expect(run('lint', '--strict', ...CLUSTER, CHART)).toContain('0 chart(s) failed');
  });

  it.each([
    ['as it comes', {}],
    ['without state', { persistence: { enabled: false }, networkPolicy: { enabled: false } }],
    ['with a claim of its own', { persistence: { existingClaim: 'mine', storageClass: 'fast' } }],
    ['without rights of its making', { rbac: { create: false }, serviceAccount: { create: false, name: 'mine' } }],
    ['in two namespaces', { rbac: { namespaces: ['shop', 'billing'] } }],
    [
      'with everything set',
      {
        image: {
          repository: 'registry.example.com/notafter',
          tag: '9.9.9',
          pullPolicy: 'Always',
          pullSecrets: ['pull'],
        },
        secretName: 'passwords',
        networkPolicy: { from: [] },
        rbac: { secrets: 'none' },
        serviceAccount: { annotations: { 'eks.amazonaws.com/role-arn': 'arn' } },
        service: { port: 80, annotations: {} },
        env: [{ name: 'SMTP_PASSWORD', valueFrom: { secretKeyRef: { name: 'smtp', key: 'password' } } }],
        nodeSelector: { 'kubernetes.io/os': 'linux' },
        tolerations: [{ operator: 'Exists' }],
        affinity: { podAntiAffinity: {} },
        podAnnotations: { 'example.com/a': 'b' },
      },
    ],
  ])('renders %s to what the API knows', (_what, values) => {
    const manifests = render(values);

    expect(manifests.flatMap(schemaFaults)).toEqual([]);
    expect(manifests.map(({ kind }) => kind)).toContain('Deployment');
  });

  it.each(['read', 'none'] as const)('allows exactly what the collector asks for, with secrets: %s', (secrets) => {
    expect(rulesOf(render({ rbac: { secrets } }), 'ClusterRole')).toEqual(wantedGrants('cluster', secrets));
  });

  it('allows in each namespace of its values what the collector asks for there, and nothing beyond', () => {
    const manifests = render({ rbac: { namespaces: ['shop', 'billing'] } });
    const roles = manifests.filter(({ kind }) => kind === 'Role');

    expect(roles.map(({ metadata }) => metadata.namespace)).toEqual(['shop', 'billing']);
    for (const role of roles) expect(grantsOf(role.rules ?? [])).toEqual(wantedGrants('namespace', 'read'));
    expect(manifests.some(({ kind }) => kind.startsWith('Cluster'))).toBe(false);
  });

  it('brings the config of its values, which is in order', () => {
    const config = render().find(({ kind }) => kind === 'ConfigMap');

    const parsed = parseConfig('notafter.yaml', config?.data?.['notafter.yaml'] ?? '', {});

    expect(parsed.sources.map(({ name }) => name)).toEqual(['cluster', 'edge']);
  });

  it('renders the same pod as the plain manifests', () => {
    const plain = manifestsIn(readFileSync(path.join(CHART, '../../kubernetes/notafter.yaml'), 'utf8'));
    const podOf = (manifests: readonly Manifest[]): unknown => {
      const found = manifests.find(({ kind }) => kind === 'Deployment') as
        { spec: { template: { spec: { containers: object[] } } } } | undefined;
      const { containers, ...pod } = found?.spec.template.spec ?? { containers: [] };
      return { ...pod, containers: containers.map((container) => ({ ...container, imagePullPolicy: undefined })) };
    };

    expect(podOf(render())).toEqual(podOf(plain));
  });

  it.each([
    ['a value that does not exist', { rback: {} }],
    ['a choice that does not exist', { rbac: { secrets: 'some' } }],
    ['a port beyond all ports', { service: { port: 99_999 } }],
  ])('refuses %s', (_what, values) => {
    expect(() => render(values)).toThrow(
      /values don't meet the specifications|additional propert|not allowed|must be/i,
    );
  });

  it('has a value for each part of its schema', () => {
    const values = parse(readFileSync(path.join(CHART, 'values.yaml'), 'utf8')) as object;
    const schema = JSON.parse(readFileSync(path.join(CHART, 'values.schema.json'), 'utf8')) as { properties: object };

    expect(Object.keys(values).toSorted()).toEqual(
      Object.keys(schema.properties)
        .filter((key) => key !== 'global')
        .toSorted(),
    );
  });
});
