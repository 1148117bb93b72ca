import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { dashboards } from '../../dashboards/artifacts.ts';
import { mixin } from '../../dashboards/mixin.ts';

const root = path.resolve(import.meta.dirname, '../..');

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: object;
  readonly profiles?: readonly string[];
  readonly command?: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

function readCompose(): Compose {
  return parse(read('docker-compose.yml'), { merge: true }) as Compose;
}

/** The Compose Specification's own schema. It names its dialect by an address that ajv does not know it by. */
function composeValidator(): ValidateFunction {
  const { $schema, ...schema } = JSON.parse(read('test/fixtures/compose-spec.json')) as Record<string, unknown>;
  expect($schema).toBe('https://json-schema.org/draft-07/schema');
  return new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
}

const compose = readCompose();
const services = Object.entries(compose.services).map(([name, service]) => ({ name, service }));
const mounts = services.flatMap(({ name, service }) =>
  (service.volumes ?? []).map((volume) => {
    const [from = '', to, mode] = volume.replace(/^\$\{\w+:-(.+?)\}/, '$1').split(':');
    return { name, volume, from, to, mode };
  }),
);
const dockerfile = read('Dockerfile');

describe('docker-compose.yml', () => {
  test('it is what the Compose Specification allows', () => {
    const validate = composeValidator();

    validate(compose);

    expect(validate.errors ?? []).toEqual([]);
  });

  test('the schema is one that refuses mistakes', () => {
    const validate = composeValidator();

    expect(validate({ services: { notafter: { imagee: 'x' } } })).toBe(false);
    expect(validate({ services: { notafter: { ports: 9919 } } })).toBe(false);
  });

  test('it starts notafter and what it works with, and a cluster only when asked to', () => {
    const of = (profile: string | undefined): readonly string[] =>
      services.filter(({ service }) => service.profiles?.[0] === profile).map(({ name }) => name);

    expect(of(undefined)).toEqual(['notafter', 'prometheus', 'grafana', 'mailpit']);
    expect(of('cluster')).toEqual(['postgres', 'worker-1', 'worker-2', 'worker-3', 'web']);
  });

  test('each node of the cluster has a name of its own', () => {
    const commands = services.flatMap(({ service }) => service.command ?? []).join(' ');

    expect(commands.match(/--node \S+/g)).toEqual([
      '--node worker-1',
      '--node worker-2',
      '--node worker-3',
      '--node web',
    ]);
  });

  test.each(services)('$name cannot gain rights, and listens on this machine only', ({ service }) => {
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toContain('no-new-privileges:true');
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  test.each(services.filter(({ service }) => service.build === undefined))(
    '$name is an exact version',
    ({ service }) => {
      expect(service.image).toMatch(/^(?:[\w./-]+:v?\d+\.\d+\.\d+|postgres:\d+\.\d+)$/);
    },
  );

  test.each(services)('the health of $name is checked', ({ service }) => {
    expect(service.healthcheck !== undefined || (service.build === '.' && /^HEALTHCHECK /m.test(dockerfile))).toBe(
      true,
    );
  });

  test.each(mounts)('$name mounts $volume: a file or folder read-only, or a declared volume', ({ from, to, mode }) => {
    const isVolume = Object.keys(compose.volumes).includes(from);
    const isOfTheHost = from.startsWith('/');

    expect(to).toMatch(/^\//);
    expect(isVolume ? 'volume' : mode).toBe(isVolume ? 'volume' : 'ro');
    expect(isVolume || isOfTheHost || existsSync(path.join(root, from))).toBe(true);
  });

  test('the root file system of notafter is read-only', () => {
    expect(compose.services['notafter']?.read_only).toBe(true);
  });
});

describe('deploy/', () => {
  test('Prometheus scrapes notafter under the name that the alert rules know, and loads them', () => {
    const config = parse(read('deploy/prometheus/prometheus.yml')) as {
      rule_files: string[];
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
    };

    expect(config.scrape_configs.map(({ job_name: job }) => job)).toEqual([mixin.job]);
    expect(config.scrape_configs[0]?.static_configs).toEqual([{ targets: ['notafter:9919'] }]);
    expect(config.rule_files).toEqual(['/etc/prometheus/rules/*.yaml']);
    expect(compose.services['prometheus']?.volumes).toEqual(
      expect.arrayContaining([
        './dashboards/generated/alerts.yaml:/etc/prometheus/rules/notafter.yaml:ro',
        './dashboards/generated/recording.yaml:/etc/prometheus/rules/notafter-recording.yaml:ro',
      ]),
    );
  });

  test('Grafana finds Prometheus and the dashboards where they are', () => {
    const sources = parse(read('deploy/grafana/provisioning/datasources/prometheus.yaml')) as {
      datasources: { type: string; url: string }[];
    };
    const providers = parse(read('deploy/grafana/provisioning/dashboards/notafter.yaml')) as {
      providers: { options: { path: string } }[];
    };

    expect(sources.datasources).toMatchObject([{ type: 'prometheus', url: 'http://prometheus:9090', isDefault: true }]);
    const folder = providers.providers[0]?.options.path;
    for (const name of dashboards().keys()) {
      expect(compose.services['grafana']?.volumes).toContain(
        `./dashboards/generated/${name}.json:${folder}/${name}.json:ro`,
      );
    }
  });

  test.each(['deploy/notafter/notafter.yaml', 'deploy/notafter/image.yaml', 'deploy/notafter/cluster.yaml'])(
    'notafter accepts %s',
    (file) => {
      const output = execFileSync(
        process.execPath,
        [path.join(root, 'bin/notafter.js'), 'config', 'check', '--config', file],
        {
          cwd: root,
          encoding: 'utf8',
          timeout: 20_000,
        },
      );

      expect(output).not.toMatch(/error/i);
      expect(parse(read(file))).toMatchObject({
        web: { listen: '0.0.0.0:9919' },
        store: file.endsWith('cluster.yaml') ? 'postgres://notafter@postgres/notafter' : 'sqlite:/data/notafter.db',
      });
    },
  );
});

describe('Dockerfile', () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
    ([, sources]) => sources?.split(' ') ?? [],
  );

  test('everything that it copies exists and reaches the builder', () => {
    const sent = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));

    expect(copied.length).toBeGreaterThan(8);
    expect(copied.filter((source) => !existsSync(path.join(root, source)))).toEqual([]);
    expect(
      copied.filter((source) => !sent.some((entry) => source === entry || source.startsWith(`${entry}/`))),
    ).toEqual([]);
  });

  test('it runs as somebody without rights, from the config that compose mounts', () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^EXPOSE 9919$/m);
    expect(dockerfile).toContain('CMD ["run", "--config", "/etc/notafter/notafter.yaml"]');
    expect(
      compose.services['notafter']?.volumes?.some((volume) => volume.includes(':/etc/notafter/notafter.yaml')),
    ).toBe(true);
  });

  test('its Node is the one that the project is tested with', () => {
    const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: Record<string, string> };

    expect(dockerfile).toMatch(
      new RegExp(`^ARG NODE_IMAGE=node:${devDependencies['node']?.replaceAll('.', '\\.')}-`, 'm'),
    );
  });
});
