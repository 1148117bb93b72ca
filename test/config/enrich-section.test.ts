import { describe, expect, it } from 'vitest';

import { parseConfig } from '../../src/config/load.ts';

const enrichOf = (text: string) => parseConfig('notafter.yaml', text, {}).enrich;

describe('the enrich section', () => {
  it.each([['{}'], ['enrich: {}']])('switches nothing on by itself: %s', (text) => {
    expect(enrichOf(text)).toEqual({ aia: false, crl: false, ocsp: false, names: false, ari: new Map(), allow: [] });
  });

  it('says what is asked, of whom, and what may be reached', () => {
    const keyId = '69:88:5B:6B:87:46:40:41:E1:B3:7B:84:7B:A0:AE:2C:DE:01:C8:D4';
    const config = enrichOf(`enrich:
  crl: true
  names: true
  ari: {directories: {"Let's Encrypt": https://acme.example/directory, "${keyId}": https://ca.example/dir}}
  allow: [pki.corp.example, 10.1.0.0/16, "pki.corp.example:8080"]
`);
    expect(config).toMatchObject({ crl: true, names: true, ocsp: false, aia: false });
    expect([...config.ari]).toEqual([
      ["Let's Encrypt", 'https://acme.example/directory'],
      ['69885b6b87464041e1b37b847ba0ae2cde01c8d4', 'https://ca.example/dir'],
    ]);
    expect(config.allow.map(({ what, port }) => `${what.kind} ${port ?? 'usual'}`)).toEqual([
      'host usual',
      'block usual',
      'host 8080',
    ]);
  });

  it.each([
    ['enrich: {crls: true}', /unknown key; did you mean "crl"/],
    ['enrich: {allow: ["http://pki.example/"]}', /enrich\.allow\[0\]/],
    ['enrich: {allow: ["10.0.0.0/33"]}', /enrich\.allow\[0\]/],
    ['enrich: {ari: {directories: {Example: "ldap://x"}}}', /enrich\.ari\.directories\.Example/],
  ])('is checked: %s', (text, message) => {
    expect(() => enrichOf(text)).toThrow(message);
  });
});
