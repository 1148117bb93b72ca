import { describe, expect, test } from 'vitest';

import type { Location } from '../../../src/inventory/model.ts';
import { PROFILE_NAMES, type ProfileName } from '../../../src/metrics/profiles/profile-name.ts';
import { profileOf } from '../../../src/metrics/profiles/profiles.ts';
import { X509_DEFAULTS, type X509Options } from '../../../src/metrics/profiles/x509-options.ts';
import { parseExposition, type Sample } from '../../helpers/exposition.ts';
import { knownMetrics } from '../../helpers/known-metrics.ts';
import {
  authority,
  crl,
  DAY,
  described,
  endpointLocation,
  fileLocation,
  leaf,
  NOW,
  sighting,
} from '../../policy/places.ts';

const END = (NOW + 60 * DAY) / 1000;
const BEGIN = (NOW - 30 * DAY) / 1000;

const SUBJECT = 'CN=api.example.com,OU=Web,OU=Shop,O=Example,L=Graz,ST=Steiermark,C=AT';
const api = leaf('api.example.com', {
  subject: SUBJECT,
  names: ['api.example.com', 'www.example.com', '10.0.0.7', 'ops@example.com', 'spiffe://example.com/api'],
  nameCount: 5,
});
const ended = leaf('ended.example.com', { left: -DAY, serial: '00FF0A' });
const ca = authority();

/** The places that every exporter might look at, one of each kind. */
function scenario(): readonly Location[] {
  const inCluster = { source: 'prod', type: 'kubernetes', target: 'secrets' };
  return [
    fileLocation([sighting(api)], { location: '/etc/ssl/api.pem' }),
    fileLocation([sighting(ended), sighting(crl(), { place: 'crl' })], { location: '/etc/ssl/old.pem' }),
    fileLocation(
      [
        sighting(leaf('admin'), { place: 'user/admin', role: 'client' }),
        sighting(ca, { place: 'cluster/prod', role: 'trust-anchor' }),
      ],
      { location: '/root/.kube/config' },
    ),
    fileLocation([sighting(api, { place: 'tls.crt' })], { ...inCluster, location: 'secret/shop/web' }),
    fileLocation([sighting(ca, { place: 'ca.pem', role: 'trust-anchor' })], {
      ...inCluster,
      location: 'configmap/shop/cas',
    }),
    fileLocation([sighting(ca, { place: 'hook.example.com', role: 'trust-anchor' })], {
      ...inCluster,
      location: 'validatingwebhookconfiguration/hooks',
    }),
    fileLocation(
      [
        sighting(described({ notBefore: { status: 'known', at: NOW - 30 * DAY } }), {
          place: 'certificate',
          renewal: { mode: 'automatic', dueAt: NOW + 30 * DAY },
          labels: { cert_manager_certificate: 'shop/web', cert_manager_issuer: 'ClusterIssuer/letsencrypt' },
        }),
      ],
      { ...inCluster, location: 'certificate/shop/web' },
    ),
    endpointOf(),
  ];
}

function endpointOf(overrides: Partial<Location> = {}): Location {
  const made = endpointLocation([api, ca]);
  return { ...made, endpoint: { ...made.endpoint, tlsVersion: '1.3' }, ...overrides };
}

async function samplesOf(
  profiles: readonly ProfileName[],
  locations: readonly Location[] = scenario(),
  now = NOW,
  x509: Partial<X509Options> = {},
): Promise<readonly Sample[]> {
  const options = { host: 'watch1', nodeName: 'node-a', x509: { ...X509_DEFAULTS, ...x509 } };
  const known = knownMetrics(locations, () => now, {
    series: {
      profiles: profiles.map((name) => profileOf(name, options)),
      sources: [
        { name: 'disk', type: 'file' },
        { name: 'prod', type: 'kubernetes' },
      ],
      labelsOf: (source) => (source === 'prod' ? ['app'] : []),
    },
  });
  known.metrics.failed('disk', 'wrong_password');
  known.metrics.failed('prod', 'timeout');
  return parseExposition(await known.text()).filter(({ name }) => !/^(?:notafter|process|nodejs)_/.test(name));
}

/** `name{labels that are not empty} value`. */
function lines(samples: readonly Sample[], pattern: RegExp): readonly string[] {
  return samples
    .filter(({ name }) => pattern.test(name))
    .map(({ name, labels, value }) => {
      const set = Object.entries(labels).filter(([, text]) => text !== '');
      return `${name} ${set.map(([label, text]) => `${label}=${text}`).join(' ')} = ${value}`;
    })
    .toSorted();
}

describe('x509-certificate-exporter', () => {
  test('has the label set of v4 on every series, also where nothing applies', async () => {
    const samples = await samplesOf(['x509-certificate-exporter']);
    const labels =
      'filename filepath embedded_kind embedded_key secret_namespace secret_name secret_key configmap_namespace configmap_name configmap_key cabundle_resource_kind cabundle_resource_name cabundle_entry serial_number crl_number issuer_C issuer_ST issuer_L issuer_O issuer_OU issuer_CN subject_C subject_ST subject_L subject_O subject_OU subject_CN discriminator';
    for (const sample of samples.filter(({ name }) => /^x509_(?:cert|crl)_/.test(name))) {
      expect(Object.keys(sample.labels).join(' ')).toBe(labels);
    }
  });

  test('names files, kubeconfigs, Secrets, ConfigMaps and CA bundles as it does, and no endpoints', async () => {
    const issuer = 'issuer_O=Example issuer_CN=Example Issuing CA';
    const ofCa =
      'serial_number=2587 issuer_O=Example issuer_CN=Example Root subject_O=Example subject_CN=Example Issuing CA';
    const caEnd = (NOW + 1825 * DAY) / 1000;
    const web = `serial_number=2587 ${issuer} subject_C=AT subject_ST=Steiermark subject_L=Graz subject_O=Example subject_OU=Shop subject_CN=api.example.com`;
    expect(lines(await samplesOf(['x509-certificate-exporter']), /^x509_cert_not_after$/)).toEqual(
      [
        `x509_cert_not_after filename=api.pem filepath=/etc/ssl/api.pem ${web} = ${END}`,
        `x509_cert_not_after filename=old.pem filepath=/etc/ssl/old.pem serial_number=65290 ${issuer} subject_O=Example subject_CN=ended.example.com = ${(NOW - DAY) / 1000}`,
        `x509_cert_not_after filename=config filepath=/root/.kube/config embedded_kind=user embedded_key=admin serial_number=2587 ${issuer} subject_O=Example subject_CN=admin = ${END}`,
        `x509_cert_not_after filename=config filepath=/root/.kube/config embedded_kind=cluster embedded_key=prod ${ofCa} = ${caEnd}`,
        `x509_cert_not_after secret_namespace=shop secret_name=web secret_key=tls.crt ${web} = ${END}`,
        `x509_cert_not_after configmap_namespace=shop configmap_name=cas configmap_key=ca.pem ${ofCa} = ${caEnd}`,
        `x509_cert_not_after cabundle_resource_kind=ValidatingWebhookConfiguration cabundle_resource_name=hooks cabundle_entry=hook.example.com ${ofCa} = ${caEnd}`,
      ].toSorted(),
    );
  });

  test('says at each scrape what has ended, without anybody looking again', async () => {
    const known = async (now: number): Promise<readonly [string | undefined, number][]> =>
      (await samplesOf(['x509-certificate-exporter'], scenario(), now))
        .filter(({ name, labels }) => name === 'x509_cert_expired' && labels['filepath']?.endsWith('.pem') === true)
        .map(({ labels, value }) => [labels['subject_CN'], value]);
    expect(await known(NOW)).toEqual([
      ['api.example.com', 0],
      ['ended.example.com', 1],
    ]);
    expect(await known(NOW + 60 * DAY)).toEqual([
      ['api.example.com', 1],
      ['ended.example.com', 1],
    ]);
  });

  test('has CRLs, sources, and every reason at 0 from the start', async () => {
    const samples = await samplesOf(['x509-certificate-exporter']);
    expect(lines(samples, /^x509_crl_/)).toEqual(
      [
        ['next_update', (NOW + 5 * DAY) / 1000],
        ['number', 17],
        ['stale', 0],
        ['this_update', (NOW - 2 * DAY) / 1000],
      ].map(
        ([name, value]) =>
          `x509_crl_${name} filename=old.pem filepath=/etc/ssl/old.pem crl_number=17 issuer_O=Example issuer_CN=Example Issuing CA = ${value}`,
      ),
    );
    expect(lines(samples, /^x509_source_(?:up|bundles)/)).toEqual([
      'x509_source_bundles source_kind=file source_name=disk = 3',
      'x509_source_bundles source_kind=kube-secret source_name=prod = 4',
      'x509_source_up source_kind=file source_name=disk = 1',
      'x509_source_up source_kind=kubernetes source_name=prod = 1',
    ]);
    const errors = samples.filter(
      ({ name, labels }) => name === 'x509_source_errors_total' && labels['source_name'] === 'disk',
    );
    expect(errors).toHaveLength(17);
    expect(errors.filter(({ value }) => value > 0).map(({ labels }) => labels['reason'])).toEqual(['bad_passphrase']);
  });
});

describe('x509-certificate-exporter with its options', () => {
  const at = (path: string, left: number, more: Partial<Location> = {}): Location =>
    fileLocation([sighting(leaf('a.example', { left }))], { location: path, ...more });
  const said = async (
    locations: readonly Location[],
    x509: Partial<X509Options>,
    pattern: RegExp,
    now = NOW,
  ): Promise<readonly string[]> => lines(await samplesOf(['x509-certificate-exporter'], locations, now, x509), pattern);
  const own = 'serial_number=2587 issuer_O=Example issuer_CN=Example Issuing CA subject_O=Example subject_CN=a.example';
  const file = 'filename=a.pem filepath=/etc/ssl/a.pem';

  test('counts what is left and what has passed at each scrape, of revocation lists as well', async () => {
    const both = fileLocation([sighting(leaf('a.example', { left: 5 * DAY })), sighting(crl(), { place: 'crl' })], {
      location: '/etc/ssl/a.pem',
    });
    const seconds = (time: number): number => time / 1000;
    const list = `${file} crl_number=17 issuer_O=Example issuer_CN=Example Issuing CA`;
    expect(await said([both], { relative: true }, /_in_seconds$|_since_seconds$/, NOW + 6 * DAY)).toEqual([
      `x509_cert_expires_in_seconds ${file} ${own} = ${seconds(-DAY)}`,
      expect.stringMatching(/^x509_cert_valid_since_seconds filename=a.pem .* = \d+$/),
      `x509_crl_fresh_since_seconds ${list} = ${seconds(8 * DAY)}`,
      `x509_crl_stale_in_seconds ${list} = ${seconds(-DAY)}`,
    ]);
    expect(await said([both], {}, /_in_seconds$|_since_seconds$/)).toEqual([]);
  });

  test('says of each certificate that it was read, and of what could not be that it was not', async () => {
    const problem = { reason: 'malformed', detail: '', place: '' } as const;
    const locations = [
      at('/etc/ssl/a.pem', DAY),
      fileLocation([], { location: '/etc/ssl/b.pem', problems: [problem] }),
      at('/etc/ssl/c.pem', DAY, { failure: { reason: 'permission_denied', detail: '' } }),
    ];
    expect(await said(locations, { perCertError: true }, /error$/)).toEqual([
      `x509_cert_error filename=a.pem filepath=/etc/ssl/a.pem ${own} = 0`,
      'x509_cert_error filename=b.pem filepath=/etc/ssl/b.pem = 1',
      'x509_cert_error filename=c.pem filepath=/etc/ssl/c.pem = 1',
      `x509_cert_error filename=c.pem filepath=/etc/ssl/c.pem ${own} = 0`,
    ]);
    expect(await said(locations, {}, /error$/)).toEqual([]);
    // Of version 3, a place has one series, and a gauge counts the places.
    expect(await said(locations, { perCertError: true, version: 3 }, /error/)).toEqual([
      'x509_cert_error filename=a.pem filepath=/etc/ssl/a.pem = 0',
      'x509_cert_error filename=b.pem filepath=/etc/ssl/b.pem = 1',
      'x509_cert_error filename=c.pem filepath=/etc/ssl/c.pem = 1',
      'x509_read_errors  = 2',
    ]);
  });

  test.each([
    [0, '/srv/host/etc/ssl/a.pem'],
    [2, '/etc/ssl/a.pem'],
    [9, '/a.pem'],
  ])('cuts %i folders off the front of a path', async (trimPathComponents, expected) => {
    const [line] = await said([at('/srv/host/etc/ssl/a.pem', DAY)], { trimPathComponents }, /not_after/);
    expect(line).toContain(` filepath=${expected} `);
  });

  test('has those fields of names as labels that it is told to have', async () => {
    const options = { subjectFields: ['CN'], issuerFields: ['O', 'CN'] } as const;
    const sample = (await samplesOf(['x509-certificate-exporter'], [at('/a.pem', DAY)], NOW, options)).find(
      ({ name }) => name === 'x509_cert_not_after',
    );
    expect(Object.keys(sample?.labels ?? {}).filter((name) => /^(?:subject|issuer)_/.test(name))).toEqual([
      'issuer_O',
      'issuer_CN',
      'subject_CN',
    ]);
  });

  test('tells apart what agrees in all other labels, and only that unless it is told to', async () => {
    const twins = fileLocation(
      [
        sighting(leaf('a.example', { left: DAY, id: '1'.repeat(64) })),
        sighting(leaf('a.example', { left: 2 * DAY, id: '2'.repeat(64) })),
        sighting(leaf('b.example', { left: DAY })),
      ],
      { location: '/etc/ssl/a.pem' },
    );
    const marks = async (collisionDiscriminator: X509Options['collisionDiscriminator']): Promise<readonly string[]> =>
      (await samplesOf(['x509-certificate-exporter'], [twins], NOW, { collisionDiscriminator }))
        .filter(({ name }) => name === 'x509_cert_not_after')
        .map(({ labels, value }) => `${labels['subject_CN']} ${labels['discriminator']} ${value - NOW / 1000}`);
    const auto = await marks('auto');
    const days = (count: number): string => String((count * DAY) / 1000);
    expect(auto.map((mark) => mark.replace(/ [\da-f]{8} /, ' # ')).toSorted()).toEqual(
      [`a.example # ${days(1)}`, `a.example # ${days(2)}`, `b.example  ${days(1)}`].toSorted(),
    );
    expect(new Set(auto.map((mark) => mark.split(' ')[1])).size).toBe(3);
    expect((await marks('always')).every((mark) => / [\da-f]{8} /.test(mark))).toBe(true);
    // Then one of the two is said, that which ends first.
    expect((await marks('never')).toSorted()).toEqual([`a.example  ${days(1)}`, `b.example  ${days(1)}`]);
  });

  test('says labels of Secrets, ConfigMaps and CA bundles that the source shows', async () => {
    const cluster = { source: 'prod', type: 'kubernetes', target: 'x', labels: { app: 'shop', team: 'a' } };
    const found = [
      fileLocation([sighting(leaf('s'), { place: 'tls.crt' })], { ...cluster, location: 'secret/shop/web' }),
      fileLocation([sighting(ca, { place: 'ca.pem' })], { ...cluster, location: 'configmap/shop/cas' }),
      fileLocation([sighting(ca, { place: '' })], { ...cluster, location: 'apiservice/v1.example' }),
      at('/a.pem', DAY, { labels: { app: 'shop' } }),
    ];
    const samples = (await samplesOf(['x509-certificate-exporter'], found)).filter(
      ({ name }) => name === 'x509_cert_not_after',
    );
    const labels = samples.map(({ labels: all }) =>
      Object.entries(all)
        .filter(([name]) => name.includes('_label_'))
        .join(';'),
    );
    expect(labels.toSorted()).toEqual([
      '',
      'cabundle_label_app,shop',
      'configmap_label_app,shop',
      'secret_label_app,shop',
    ]);
  });

  test('of version 3 says nothing of what does not apply, the street as ST, and ConfigMaps as paths', async () => {
    const street = leaf('api.example.com', { subject: 'CN=api.example.com,street=Ring 1,ST=Steiermark,C=AT' });
    const samples = await samplesOf(
      ['x509-certificate-exporter'],
      [...scenario().slice(1), fileLocation([sighting(street)], { location: '/etc/ssl/api.pem' })],
      NOW,
      { version: 3 },
    );
    expect(samples.flatMap(({ labels }) => Object.values(labels)).includes('')).toBe(false);
    expect([...new Set(samples.map(({ name }) => name))].toSorted()).toEqual([
      'x509_cert_expired',
      'x509_cert_not_after',
      'x509_cert_not_before',
      'x509_read_errors',
    ]);
    const issuer = 'issuer_O=Example issuer_CN=Example Issuing CA';
    const ofCa =
      'serial_number=2587 issuer_O=Example issuer_CN=Example Root subject_O=Example subject_CN=Example Issuing CA';
    const caEnd = (NOW + 1825 * DAY) / 1000;
    const web = `serial_number=2587 ${issuer} subject_C=AT subject_ST=Ring 1 subject_CN=api.example.com`;
    const secret = `serial_number=2587 ${issuer} subject_C=AT subject_L=Graz subject_O=Example subject_OU=Shop subject_CN=api.example.com`;
    expect(lines(samples, /^x509_cert_not_after$/)).toEqual(
      [
        `x509_cert_not_after filename=api.pem filepath=/etc/ssl/api.pem ${web} = ${END}`,
        `x509_cert_not_after filename=old.pem filepath=/etc/ssl/old.pem serial_number=65290 ${issuer} subject_O=Example subject_CN=ended.example.com = ${(NOW - DAY) / 1000}`,
        `x509_cert_not_after filename=config filepath=/root/.kube/config embedded_kind=user embedded_key=admin serial_number=2587 ${issuer} subject_O=Example subject_CN=admin = ${END}`,
        `x509_cert_not_after filename=config filepath=/root/.kube/config embedded_kind=cluster embedded_key=prod ${ofCa} = ${caEnd}`,
        `x509_cert_not_after secret_namespace=shop secret_name=web secret_key=tls.crt ${secret} = ${END}`,
        `x509_cert_not_after filename=cas filepath=k8s/shop/cas ${ofCa} = ${caEnd}`,
      ].toSorted(),
    );
  });

  test('counts wrong passwords and failed requests to a cluster for the rules of its chart', async () => {
    const samples = await samplesOf(['x509-certificate-exporter']);
    expect(lines(samples, /passphrase|transport/)).toEqual([
      'x509_kube_transport_errors_total source_name=prod reason=list_failed = 1',
      'x509_pkcs12_passphrase_failures_total source_name=disk = 1',
      'x509_pkcs12_passphrase_failures_total source_name=prod = 0',
    ]);
  });
});

describe('ssl_exporter', () => {
  const cert =
    'serial_no=2587 issuer_cn=Example Issuing CA cn=api.example.com dnsnames=,api.example.com,www.example.com, ips=,10.0.0.7, emails=,ops@example.com, ou=,Shop,Web,';
  const own = 'instance=api.example.com:8443 job=partners';

  test('says of an endpoint what its probe says', async () => {
    const samples = await samplesOf(['ssl_exporter']);
    expect(lines(samples, /^ssl_(?!file|kube|cert_not_before|verified_cert_not_before|ocsp)/)).toEqual(
      [
        `ssl_probe_success ${own} = 1`,
        `ssl_prober ${own} prober=tcp = 1`,
        `ssl_tls_version_info ${own} version=TLS 1.3 = 1`,
        `ssl_cert_not_after ${own} ${cert} = ${END}`,
        `ssl_cert_not_after ${own} serial_no=2587 issuer_cn=Example Root cn=Example Issuing CA = ${(NOW + 1825 * DAY) / 1000}`,
        `ssl_verified_cert_not_after ${own} chain_no=0 ${cert} = ${END}`,
        `ssl_verified_cert_not_after ${own} chain_no=0 serial_no=2587 issuer_cn=Example Root cn=Example Issuing CA = ${(NOW + 1825 * DAY) / 1000}`,
      ].toSorted(),
    );
    expect(lines(samples, /^ssl_ocsp/)).toHaveLength(6);
  });

  test('keeps the certificates of an endpoint that is not trusted or out of reach; the verified ones go', async () => {
    const { bestPath: _, ...chain } = endpointLocation([api, ca]).chain;
    const lost = endpointOf({ chain, failure: { reason: 'timeout', detail: '' } });
    const samples = await samplesOf(['ssl_exporter'], [lost]);
    expect(lines(samples, /^ssl_(?:cert_not_after|probe_success|verified_cert_not_after|tls_version_info)$/)).toEqual([
      `ssl_cert_not_after ${own} ${cert} = ${END}`,
      `ssl_cert_not_after ${own} serial_no=2587 issuer_cn=Example Root cn=Example Issuing CA = ${(NOW + 1825 * DAY) / 1000}`,
      `ssl_probe_success ${own} = 0`,
    ]);
  });

  test('says of files, Secrets and kubeconfigs what its other probers say', async () => {
    expect(lines(await samplesOf(['ssl_exporter']), /^ssl_(?:file|kube\w+)_cert_not_after$/)).toEqual(
      [
        `ssl_file_cert_not_after instance=/etc/ssl job=disk file=/etc/ssl/api.pem ${cert} = ${END}`,
        `ssl_file_cert_not_after instance=/etc/ssl job=disk file=/etc/ssl/old.pem serial_no=65290 issuer_cn=Example Issuing CA cn=ended.example.com dnsnames=,ended.example.com, = ${(NOW - DAY) / 1000}`,
        `ssl_kubeconfig_cert_not_after instance=/etc/ssl job=disk kubeconfig=/root/.kube/config name=admin type=user serial_no=2587 issuer_cn=Example Issuing CA cn=admin dnsnames=,admin, = ${END}`,
        `ssl_kubeconfig_cert_not_after instance=/etc/ssl job=disk kubeconfig=/root/.kube/config name=prod type=cluster serial_no=2587 issuer_cn=Example Root cn=Example Issuing CA = ${(NOW + 1825 * DAY) / 1000}`,
        `ssl_kubernetes_cert_not_after instance=secrets job=prod namespace=shop secret=web key=tls.crt ${cert} = ${END}`,
      ].toSorted(),
    );
  });
});

describe('blackbox_exporter', () => {
  const own = 'instance=api.example.com:8443 job=partners';

  test('says what its prober tcp says', async () => {
    expect(lines(await samplesOf(['blackbox_exporter']), /^probe_/)).toEqual(
      [
        `probe_success ${own} = 1`,
        `probe_failed_due_to_regex ${own} = 0`,
        `probe_ip_protocol ${own} = 4`,
        // FNV-1a of 10.0.0.7.
        `probe_ip_addr_hash ${own} = 1783654150`,
        `probe_tls_version_info ${own} version=TLS 1.3 = 1`,
        `probe_ssl_earliest_cert_expiry ${own} = ${END}`,
        `probe_ssl_last_chain_expiry_timestamp_seconds ${own} = ${END}`,
        `probe_ssl_last_chain_info ${own} fingerprint_sha256=${api.id} subject=CN=api.example.com,OU=Shop+OU=Web,O=Example,L=Graz,ST=Steiermark,C=AT issuer=CN=Example Issuing CA,O=Example subjectalternative=api.example.com,www.example.com serialnumber=0a1b = 1`,
      ].toSorted(),
    );
  });

  test('keeps the end after it, and through an outage, where the original loses the series', async () => {
    const lost = endpointOf({ failure: { reason: 'timeout', detail: '' } });
    expect(lines(await samplesOf(['blackbox_exporter'], [lost], NOW + 90 * DAY), /^probe_s/)).toEqual(
      expect.arrayContaining([`probe_success ${own} = 0`, `probe_ssl_earliest_cert_expiry ${own} = ${END}`]),
    );
  });

  test('has no year 1 where no chain is verified', async () => {
    const { bestPath: _, ...chain } = endpointLocation([api, ca]).chain;
    const samples = await samplesOf(['blackbox_exporter'], [endpointOf({ chain })]);
    expect(lines(samples, /last_chain_expiry/)).toEqual([]);
  });

  test('speaks once for a target with several addresses: for that which ends first', async () => {
    const soon = leaf('api.example.com', { left: DAY, id: 'f'.repeat(64) });
    const other = endpointLocation([soon, ca], { location: 'api.example.com:8443@10.0.0.8' });
    for (const locations of [
      [endpointOf(), other],
      [other, endpointOf()],
    ]) {
      expect(lines(await samplesOf(['blackbox_exporter'], locations), /earliest/)).toEqual([
        `probe_ssl_earliest_cert_expiry ${own} = ${(NOW + DAY) / 1000}`,
      ]);
    }
  });
});

test('cert-exporter: three metrics for each kind of place, what is left counted at each scrape', async () => {
  const issuer = 'issuer=Example Issuing CA';
  const later = NOW + 10 * DAY;
  expect(lines(await samplesOf(['cert-exporter'], scenario(), later), /expires_in_seconds$|total|discovered/)).toEqual(
    [
      `cert_exporter_cert_expires_in_seconds filename=/etc/ssl/api.pem nodename=node-a ${issuer} cn=api.example.com = ${(50 * DAY) / 1000}`,
      `cert_exporter_cert_expires_in_seconds filename=/etc/ssl/old.pem nodename=node-a ${issuer} cn=ended.example.com = ${(-11 * DAY) / 1000}`,
      `cert_exporter_kubeconfig_expires_in_seconds filename=/root/.kube/config type=user name=admin nodename=node-a ${issuer} cn=admin = ${(50 * DAY) / 1000}`,
      `cert_exporter_kubeconfig_expires_in_seconds filename=/root/.kube/config type=cluster name=prod nodename=node-a issuer=Example Root cn=Example Issuing CA = ${(1815 * DAY) / 1000}`,
      `cert_exporter_secret_expires_in_seconds key_name=tls.crt secret_name=web secret_namespace=shop ${issuer} cn=api.example.com = ${(50 * DAY) / 1000}`,
      `cert_exporter_configmap_expires_in_seconds key_name=ca.pem configmap_name=cas configmap_namespace=shop issuer=Example Root cn=Example Issuing CA = ${(1815 * DAY) / 1000}`,
      `cert_exporter_webhook_expires_in_seconds type_name=validatingwebhookconfiguration webhook_name=hooks admission_review_version_name=hook.example.com issuer=Example Root cn=Example Issuing CA = ${(1815 * DAY) / 1000}`,
      'cert_exporter_error_total  = 2',
      'cert_exporter_discovered  = 3',
    ].toSorted(),
  );
});

test('telegraf: tags as labels, hexadecimal serials, names of all kinds', async () => {
  const samples = await samplesOf(['telegraf'], [endpointOf()], NOW + DAY);
  const tags =
    'host=watch1 type=leaf source=tcp://api.example.com:8443 common_name=api.example.com serial_number=a1b signature_algorithm=ECDSA-SHA256 public_key_algorithm=ECDSA issuer_common_name=Example Issuing CA san=api.example.com,www.example.com,ops@example.com,10.0.0.7,spiffe://example.com/api verification=valid ocsp_stapled=no organization=Example organizational_unit=Shop country=AT province=Steiermark locality=Graz';
  expect(
    lines(
      samples.filter(({ labels }) => labels['type'] === 'leaf'),
      /^x509_cert_/,
    ),
  ).toEqual([
    `x509_cert_age ${tags} = ${(31 * DAY) / 1000}`,
    `x509_cert_enddate ${tags} = ${END}`,
    `x509_cert_expiry ${tags} = ${(59 * DAY) / 1000}`,
    `x509_cert_public_key_length ${tags} = 256`,
    `x509_cert_startdate ${tags} = ${BEGIN}`,
    `x509_cert_verification_code ${tags} = 0`,
  ]);
  expect(samples.filter(({ labels }) => labels['type'] === 'intermediate').length).toBeGreaterThan(0);
});

test('cert-manager: the dates of a Certificate, and one series for each state', async () => {
  const own = 'name=web namespace=shop issuer_name=letsencrypt issuer_kind=ClusterIssuer issuer_group=cert-manager.io';
  expect(lines(await samplesOf(['cert-manager']), /./)).toEqual(
    [
      `certmanager_certificate_expiration_timestamp_seconds ${own} = ${END}`,
      `certmanager_certificate_not_after_timestamp_seconds ${own} = ${END}`,
      `certmanager_certificate_not_before_timestamp_seconds ${own} = ${BEGIN}`,
      `certmanager_certificate_renewal_timestamp_seconds ${own} = ${(NOW + 30 * DAY) / 1000}`,
      `certmanager_certificate_ready_status ${own} condition=True = 1`,
      `certmanager_certificate_ready_status ${own} condition=False = 0`,
      `certmanager_certificate_ready_status ${own} condition=Unknown = 0`,
    ].toSorted(),
  );
});

test('cert-manager: a Certificate whose Secret is read is known by it, once, and by nothing that only lies there too', async () => {
  const managed = { labels: { cert_manager_certificate: 'shop/web', cert_manager_issuer: 'Issuer/shop/ca' } };
  const secret = fileLocation(
    [
      sighting(api, { place: 'tls.crt', ...managed, renewal: { mode: 'automatic', stuck: 'why' } }),
      sighting(api, { place: 'keystore.p12', ...managed }),
      sighting(ca, { place: 'ca.crt', role: 'trust-anchor' }),
    ],
    { source: 'prod', type: 'kubernetes', target: 'secrets', location: 'secret/shop/web-tls' },
  );
  const own = 'name=web namespace=shop issuer_name=ca issuer_kind=Issuer issuer_group=cert-manager.io';
  expect(lines(await samplesOf(['cert-manager'], [secret]), /not_after|ready/)).toEqual([
    `certmanager_certificate_not_after_timestamp_seconds ${own} = ${END}`,
    `certmanager_certificate_ready_status ${own} condition=False = 1`,
    `certmanager_certificate_ready_status ${own} condition=True = 0`,
    `certmanager_certificate_ready_status ${own} condition=Unknown = 0`,
  ]);
});

describe('every profile', () => {
  test('says nothing twice when the same file is in two sources, and goes on when one of them goes', async () => {
    const twice = [
      fileLocation([sighting(api)], { source: 'disk' }),
      fileLocation([sighting(api)], { source: 'other' }),
    ];
    const options = { host: '', nodeName: '', x509: X509_DEFAULTS };
    const known = knownMetrics(twice, () => NOW, {
      series: {
        profiles: PROFILE_NAMES.filter((name) => name !== 'ssl_exporter').map((name) => profileOf(name, options)),
      },
    });
    const count = async (): Promise<number> =>
      (await known.samples()).filter(({ name }) => name === 'x509_cert_not_after').length;

    expect(await count()).toBe(1);
    const [first] = known.locations();
    if (first !== undefined) known.forget(first);
    expect(await count()).toBe(1);
  });

  test('together has no series twice, no NaN and no year 1', async () => {
    const samples = await samplesOf(PROFILE_NAMES);
    expect(samples.length).toBeGreaterThan(100);
    for (const { name, value } of samples) {
      expect(Number.isFinite(value), name).toBe(true);
      expect(value, name).toBeGreaterThan(-1e9);
    }
  });
});
