import { describe, expect, test } from 'vitest';

import { rehearsalConfig, type RehearsalFlags } from '../../../collectors/endpoint/check-options.ts';
import { endpoint } from '../../../collectors/endpoint/index.ts';

const namesOf = (flags: RehearsalFlags): readonly string[] =>
  (rehearsalConfig(flags).clients ?? []).map(({ name }) => name);

describe('the command line of check', () => {
  test.each<[RehearsalFlags, object]>([
    [{}, {}],
    [{ passwordFile: ['p'] }, {}],
    [
      { clientCert: ['c.pem'], clientKey: ['k'], passwordFile: ['p', 'q'], request: 'none' },
      {
        clients: [{ name: 'c', certificate_file: 'c.pem', key_file: 'k', password_file: ['p', 'q'] }],
        rehearse: 'none',
      },
    ],
    [{ clientPkcs12: ['/etc/s.p12'] }, { clients: [{ name: 's', pkcs12_file: '/etc/s.p12' }] }],
    [
      { clientPkcs12: ['x.p12', 'y.p12'], clientKey: ['1.key', '2.key'], clientCert: ['a.pem', 'b.pem'] },
      {
        clients: [
          { name: 'a', certificate_file: 'a.pem', key_file: '1.key' },
          { name: 'b', certificate_file: 'b.pem', key_file: '2.key' },
          { name: 'x', pkcs12_file: 'x.p12' },
          { name: 'y', pkcs12_file: 'y.p12' },
        ],
      },
    ],
    [{ request: 'get /a?b=c' }, { rehearse: { http: { method: 'GET', path: '/a?b=c' } } }],
    [{ request: 'grpc' }, { rehearse: { grpc: {} } }],
    [{ request: 'grpc pay.v1.Ledger' }, { rehearse: { grpc: { service: 'pay.v1.Ledger' } } }],
    [{ request: 'postgres billing ledger' }, { rehearse: { postgres: { user: 'billing', database: 'ledger' } } }],
  ])('becomes options: %j', (flags, expected) => {
    const config = rehearsalConfig(flags);
    expect(config).toEqual(expected);
    expect(endpoint.options.safeParse({ targets: ['a.example'], ...config }).error).toBeUndefined();
  });

  test.each<[string, readonly string[], readonly string[]]>([
    ['its file', ['/etc/billing.v2.p12'], ['billing.v2']],
    ['the command, where its file has no fitting name', ['my client.p12'], ['check']],
    ['its number, where one file has no fitting name', ['a.p12', 'my client.p12'], ['check-1', 'check-2']],
    ['its number, where two files are called the same', ['1/client.p12', '2/client.pfx'], ['check-1', 'check-2']],
    ['its number, also where a file is called like one', ['check-2.p12', 'ü.p12'], ['check-1', 'check-2']],
  ])('calls a client as %s', (_what, clientPkcs12, expected) => {
    expect(namesOf({ clientPkcs12 })).toEqual(expected);
  });

  test.each<[RehearsalFlags, RegExp]>([
    [{ clientCert: ['c'] }, /1 of the one and 0 of the other/],
    [{ clientKey: ['k'] }, /0 of the one and 1 of the other/],
    [{ clientCert: ['c', 'd'], clientKey: ['k'], clientPkcs12: ['s'] }, /go together.*2 of the one and 1 of the other/],
    [{ clientCert: [''], clientKey: ['k'] }, /--client-cert needs the name of a file/],
    [{ clientPkcs12: [''] }, /--client-pkcs12 needs the name of a file/],
    [{ request: 'status' }, /--request takes/],
    [{ request: 'GET status' }, /--request takes/],
    [{ request: 'GET /a b' }, /--request takes/],
    [{ request: 'BREW /pot' }, /--request takes/],
    [{ request: 'grpc a b' }, /--request takes/],
    [{ request: 'postgres billing' }, /--request takes/],
  ])('is refused: %j', (flags, message) => {
    expect(() => rehearsalConfig(flags)).toThrow(message);
  });
});
