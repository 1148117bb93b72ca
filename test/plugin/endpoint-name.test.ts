import fc from 'fast-check';
import { expect, test } from 'vitest';

import { endpointName, namesOfEndpoint } from '../../src/plugin/endpoint-name.ts';
import { endpointLocation, fileLocation, leaf } from '../policy/places.ts';

test.each([
  ['api.example.com', 'api.example.com:443'],
  ['API.Example.com:8443', 'api.example.com:8443'],
  ['https://api.example.com:6443/healthz', 'api.example.com:6443'],
  ['postgres://user:secret@db:5432/ledger', 'db:5432'],
  ['api.example.com.:8443', 'api.example.com:8443'],
  ['[2001:DB8::1]:443', '[2001:db8::1]:443'],
  ['2001:db8::1', '[2001:db8::1]:443'],
  ['', ''],
])('%s is the endpoint %s', (text, expected) => {
  expect(endpointName(text)).toBe(expected);
});

test('what is an endpoint stays as it is', () => {
  fc.assert(
    fc.property(fc.domain(), fc.integer({ min: 1, max: 65_535 }), (host, port) => {
      expect(endpointName(endpointName(`${host}:${port}`))).toBe(`${host}:${port}`.toLowerCase());
    }),
  );
});

test('an endpoint is known by its target, its address and the name it is asked for', () => {
  const made = endpointLocation([leaf()], { target: 'smtp://mail.example.com:25' });
  expect(namesOfEndpoint(made)).toEqual(new Set(['mail.example.com:25', '10.0.0.7:8443', 'api.example.com:8443']));
  expect(namesOfEndpoint(fileLocation([]))).toEqual(new Set());
});
