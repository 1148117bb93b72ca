import { describe, expect, test } from 'vitest';

import { ConfigError } from '../../src/config/document.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/config.ts';
import { X509_DEFAULTS } from '../../src/metrics/profiles/x509-options.ts';

function parsed(text: string): Config {
  return parseConfig('notafter.yaml', text, {});
}

function problems(text: string): readonly string[] {
  try {
    parsed(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ key, message }) => `${key}: ${message}`);
    throw error;
  }
  return [];
}

function source(labels: string): string {
  return `sources: [{name: disk, type: file, paths: [/etc], labels: {owner: me}, metric_labels: ${labels}}]`;
}

describe('metrics', () => {
  test('has a budget and neither profiles nor probes by default', () => {
    const expected = { seriesBudget: 200_000, profiles: [], x509: X509_DEFAULTS, probeAllow: [] };
    expect(parsed('').metrics).toEqual(expected);
    expect(parsed('metrics: {}').metrics).toEqual(expected);
    expect(parsed('metrics: {x509_certificate_exporter: {}}').metrics).toEqual(expected);
  });

  test('is taken as it is written, each profile once', () => {
    const { metrics } = parsed(
      'metrics: {series_budget: 0, profiles: [telegraf, telegraf, ssl_exporter], probe: {allow: ["10.0.0.0/8", "a.example:8443"]}}',
    );
    expect(metrics).toMatchObject({
      seriesBudget: 0,
      profiles: ['telegraf', 'ssl_exporter'],
      probeAllow: [{ what: { kind: 'block' } }, { what: { kind: 'host', host: 'a.example' }, port: 8443 }],
    });
  });

  test('has the options of x509-certificate-exporter in its own words', () => {
    const { metrics } = parsed(
      'metrics: {x509_certificate_exporter: {version: 3, expose_relative: true, expose_per_cert_error: true, expose_subject_fields: [CN], expose_issuer_fields: [], trim_path_components: 3, collision_discriminator: never}}',
    );
    expect(metrics.x509).toEqual({
      version: 3,
      relative: true,
      perCertError: true,
      subjectFields: ['CN'],
      issuerFields: [],
      trimPathComponents: 3,
      collisionDiscriminator: 'never',
    });
  });

  test.each([
    [
      'metrics: {x509_certificate_exporter: {version: 2}}',
      'metrics.x509_certificate_exporter.version: expected 3 or 4, found 2',
    ],
    ['metrics: {x509_certificate_exporter: {expose_subject_fields: [SN]}}', 'expose_subject_fields[0]'],
    ['metrics: {series_budget: 5}', 'metrics.series_budget: 0 for no limit, or at least 100'],
    ['metrics: {profiles: [blackbox]}', 'metrics.profiles[0]'],
    ['metrics: {probe: {allow: ["10.0.0.0/99"]}}', 'metrics.probe.allow[0]'],
    ['metrics: {prefix: x}', 'metrics'],
  ])('%s is a mistake', (text, problem) => {
    expect(problems(text).join('\n')).toContain(problem);
  });
});

describe('metric_labels', () => {
  test('are those that the series bear, none by default', () => {
    expect(parsed(source('[owner, env, owner]')).sources[0]?.metricLabels).toEqual(['owner', 'env']);
    expect(parsed('sources: [{name: disk, type: file, paths: [/etc]}]').sources[0]?.metricLabels).toEqual([]);
  });

  test.each([
    ['[source]', '"source" is a label that the series have already'],
    ['[instance]', '"instance" is a label that the series have already'],
    ['["a-b"]', 'a label name'],
    ['[__x]', 'names that begin with "__" are for Prometheus itself'],
  ])('%s is a mistake', (labels, problem) => {
    expect(problems(source(labels)).join('\n')).toContain(problem);
  });
});
