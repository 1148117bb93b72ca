import fc from 'fast-check';
import { expect, test } from 'vitest';

import { parseCertificate } from '../../src/certificate/certificate.ts';
import { readTime, type CertificateTime } from '../../src/certificate/time.ts';
import { knowCertificate } from '../../src/inventory/known.ts';
import type { Location } from '../../src/inventory/model.ts';
import { blackboxExporter } from '../../src/metrics/profiles/blackbox-exporter.ts';
import { PROFILE_NAMES } from '../../src/metrics/profiles/profile-name.ts';
import { profileOf } from '../../src/metrics/profiles/profiles.ts';
import { X509_DEFAULTS } from '../../src/metrics/profiles/x509-options.ts';
import { samplesOf } from '../helpers/exposition.ts';
import { knownMetrics } from '../helpers/known-metrics.ts';
import { selfSigned } from '../helpers/pki.ts';
import { credential, crl, described, endpointLocation, fileLocation, leaf, NOW, sighting } from '../policy/places.ts';

/** What the reader of dates makes of dates, of digits and of anything else. */
const time: fc.Arbitrary<CertificateTime> = fc
  .tuple(
    fc.constantFrom(0x17, 0x18),
    fc.oneof(
      fc
        .date({ min: new Date(0), noInvalidDate: true })
        .map((date) => `${date.toISOString().replaceAll(/\D/g, '').slice(0, 14)}Z`),
      fc.stringMatching(/^\d{8,16}(?:[.,]\d{0,400})?(?:Z|[+-]\d{4})?$/),
      fc.constantFrom('00000101000000Z', '99991231235959Z', '99991231235959.9+2359'),
      fc.string({ unit: 'binary', maxLength: 20 }),
    ),
  )
  .map(([tag, written]) => readTime(tag, Buffer.from(written)));
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('AB'.repeat(200), 'a"} NaN', 'a\\', 'a\nb 1', '# HELP x', '\ud800', '",le="+Inf', ''),
);
const anyPlace = fc.record({ name: text, notBefore: time, notAfter: time, kind: fc.nat(2) });

function locationOf({ name, kind, ...dates }: typeof anyPlace extends fc.Arbitrary<infer T> ? T : never): Location {
  const names = { subject: `CN=${name}`, issuer: name, names: [name], serial: name };
  const item = leaf(name, { ...dates, ...names });
  const at = { labels: { app: name } };
  if (kind === 0) return endpointLocation([item], at);
  if (kind === 1) return fileLocation([sighting(described({ ...names, title: name, notAfter: dates.notAfter }))], at);
  const list = crl({ thisUpdate: dates.notBefore, nextUpdate: dates.notAfter });
  return fileLocation([sighting(item), sighting(list, { index: 1 }), sighting(credential({ name, ...dates }))], at);
}

test('every value is a number and every line a sample, in every profile, whatever the dates and the names are', async () => {
  const options = { host: 'watch1', nodeName: 'node-a', x509: X509_DEFAULTS };
  const profiles = PROFILE_NAMES.map((name) => profileOf(name, options));
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyPlace, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(0, 3),
      async (places, seriesBudget) => {
        const known = knownMetrics(
          places.map((place, index) => ({ ...locationOf(place), location: `/${index}${place.name}` })),
          () => NOW,
          { series: { seriesBudget, profiles, labelsOf: () => ['app'] } },
        );
        // The reader throws on a line that is no sample, and on a series that stands there twice.
        const samples = await known.samples();
        if (seriesBudget === 0) expect(samplesOf(samples, 'notafter_location_up')).toHaveLength(places.length);
        for (const { name, value } of samples) expect([name, Number.isFinite(value)]).toEqual([name, true]);
      },
    ),
    { numRuns: 100 },
  );
});

test('a serial number that is too long to be remembered whole costs its certificate no series', async () => {
  const { der } = selfSigned({ names: ['long.example'], serial: Buffer.alloc(200, 0x41) });
  const item = knowCertificate(parseCertificate(der));
  const known = knownMetrics([endpointLocation([item])], () => NOW, { series: { profiles: [blackboxExporter] } });
  expect(samplesOf(await known.samples(), 'probe_ssl_last_chain_info')).toMatchObject([
    { labels: { serialnumber: '' } },
  ]);
});
