import { expect, test } from 'vitest';

import { preferredFormat, takesGzip } from '../../src/metrics/negotiation.ts';

const PROMETHEUS =
  'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';

test.each([
  [undefined, 'text'],
  ['', 'text'],
  ['*/*', 'text'],
  ['text/plain', 'text'],
  [PROMETHEUS, 'openmetrics'],
  [PROMETHEUS_3, 'openmetrics'],
  ['application/openmetrics-text', 'openmetrics'],
  ['application/openmetrics-text; version="1.0.0"; charset=utf-8', 'openmetrics'],
  ['application/openmetrics-text; version=0.0.1', 'text'],
  ['application/openmetrics-text;version=1.0.0;q=0, text/plain', 'text'],
  ['application/openmetrics-text;version=1.0.0;q=0.2, text/plain;q=0.9', 'text'],
  ['application/vnd.google.protobuf;q=1,application/openmetrics-text;version=1.0.0;q=0.1', 'openmetrics'],
  [';;;,=,q=', 'text'],
])('who accepts %j gets %s', (accept, format) => {
  expect(preferredFormat({ accept })).toBe(format);
});

test.each([
  [undefined, false],
  ['identity', false],
  ['gzip', true],
  ['deflate, GZIP;q=0.5', true],
  ['gzip;q=0', false],
  ['br', false],
])('who accepts the encoding %j may have gzip: %s', (acceptEncoding, expected) => {
  expect(takesGzip({ acceptEncoding })).toBe(expected);
});
