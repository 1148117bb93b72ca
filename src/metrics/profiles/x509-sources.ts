import type { Reason } from '../../plugin/reason.ts';
import type { AddSeries, Family } from '../family.ts';
import { labelPairs } from '../label-value.ts';
import type { SourceHealth } from './profile.ts';

const UP: Family = {
  name: 'x509_source_up',
  help: '0 when nothing of the source could be looked at, else 1.',
  type: 'gauge',
};
const BUNDLES: Family = {
  name: 'x509_source_bundles',
  help: 'Files and objects with certificates.',
  type: 'gauge',
};
const ERRORS: Family = {
  name: 'x509_source_errors_total',
  help: 'What failed, by source and reason.',
  type: 'counter',
};
const TRANSPORT_ERRORS: Family = {
  name: 'x509_kube_transport_errors_total',
  help: 'Failed requests to the API of a cluster.',
  type: 'counter',
};
const PASSPHRASE_FAILURES: Family = {
  name: 'x509_pkcs12_passphrase_failures_total',
  help: 'Keystores, of whatever format, that no password opened.',
  type: 'counter',
};
const READ_ERRORS: Family = {
  name: 'x509_read_errors',
  help: 'Indicates the number of read failures: places of which something could not be read at the last look.',
  type: 'gauge',
};

/** The reasons that exist at 0 from the start. */
const REASONS = [
  'bad_pem',
  'bad_crl',
  'bad_der',
  'bad_jks',
  'bad_pkcs12',
  'bad_passphrase',
  'no_certificate_found',
  'read_failed',
  'permission_denied',
  'not_found',
  'api_error',
  'decode_failed',
  'broken_symlink',
  'out_of_scope_symlink',
  'parse_timeout',
  'walk_error',
  'rate_limited',
] as const;

const REASON_OF: Partial<Record<Reason, (typeof REASONS)[number]>> = {
  not_found: 'not_found',
  permission_denied: 'permission_denied',
  authentication_failed: 'api_error',
  malformed: 'decode_failed',
  unsupported: 'decode_failed',
  empty: 'no_certificate_found',
  wrong_password: 'bad_passphrase',
  too_large: 'read_failed',
  too_costly: 'parse_timeout',
  throttled: 'rate_limited',
};

/** The API of a cluster could not be reached, or did not answer as it should. */
const OF_TRANSPORT: readonly Reason[] = [
  'dns',
  'refused',
  'unreachable',
  'reset',
  'closed',
  'timeout',
  'tls_alert',
  'tls_error',
  'not_tls',
  'authentication_failed',
  'partial',
  'service_error',
];

const KINDS: Readonly<Record<string, { readonly configured: string; readonly kind: string }>> = {
  file: { configured: 'file', kind: 'file' },
  kubernetes: { configured: 'kubernetes', kind: 'kube-secret' },
};

/** What version 4 says of its sources. */
export function addSourcesOf4(sources: readonly SourceHealth[], add: AddSeries): void {
  for (const source of sources) addSource(source, add);
}

/** Version 3 has no sources, and counts what it could not read. */
export function addSourcesOf3(sources: readonly SourceHealth[], add: AddSeries): void {
  const concerned = sources.filter(({ type }) => KINDS[type] !== undefined);
  const count = concerned.reduce((sum, { down, troubled }) => sum + down + troubled, 0);
  add(READ_ERRORS, '', count);
}

function addSource({ name, type, errors, locations, down }: SourceHealth, add: AddSeries): void {
  const kinds = KINDS[type];
  if (kinds === undefined) return;
  const configured = { source_kind: kinds.configured, source_name: name };
  add(UP, labelPairs(configured), locations > 0 && down === locations ? 0 : 1);
  add(BUNDLES, labelPairs({ source_kind: kinds.kind, source_name: name }), locations);
  add(PASSPHRASE_FAILURES, labelPairs({ source_name: name }), errors.get('wrong_password') ?? 0);
  if (type === 'kubernetes') {
    const failed = OF_TRANSPORT.reduce((sum, reason) => sum + (errors.get(reason) ?? 0), 0);
    add(TRANSPORT_ERRORS, labelPairs({ source_name: name, resource: '', reason: 'list_failed' }), failed);
  }
  const counts = new Map<string, number>(REASONS.map((reason) => [reason, 0]));
  for (const [reason, count] of errors) {
    const theirs = REASON_OF[reason] ?? (type === 'kubernetes' ? 'api_error' : 'read_failed');
    counts.set(theirs, (counts.get(theirs) ?? 0) + count);
  }
  for (const [reason, count] of counts) {
    add(ERRORS, labelPairs({ source_kind: kinds.kind, source_name: name, reason }), count);
  }
}
