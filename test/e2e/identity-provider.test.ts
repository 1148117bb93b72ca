import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { parseConfig } from '../../src/config/load.ts';
import { startDaemon, type Daemon } from '../../src/daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { createAuthority, type TestCertificate } from '../helpers/pki.ts';
import { startMailbox, type Mailbox } from '../helpers/receivers.ts';
import { startPages, type WebPages } from '../helpers/web-pages.ts';

const DAY_MS = 86_400_000;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/* From an identity provider's metadata to a mail, and back to quiet once the provider has changed its certificate. */
describe('the signing certificate of an identity provider', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'notafter-idp-'));
  const authority = createAuthority({ name: 'Sign-on CA' });
  const lasting = (name: string, days: number): TestCertificate =>
    authority.issue({
      commonName: name,
      names: [],
      notBefore: new Date(Date.now() - 300 * DAY_MS),
      notAfter: new Date(Date.now() + days * DAY_MS + DAY_MS / 2),
    });
  let signing = lasting('sign-on', 4);
  let mailbox: Mailbox;
  let pages: WebPages;
  let daemon: Daemon | undefined;

  beforeEach(async () => {
    mailbox = await startMailbox();
    pages = await startPages(() => ({
      body: `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.lab.test/saml">
        <IDPSSODescriptor><KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>
        <X509Certificate>${Buffer.from(signing.der).toString('base64')}</X509Certificate>
        </X509Data></KeyInfo></KeyDescriptor></IDPSSODescriptor></EntityDescriptor>`,
    }));
  });

  afterEach(async () => {
    await daemon?.stop();
    await pages[Symbol.asyncDispose]();
    await mailbox.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is told before its end, and resolved when the metadata have the next one', async () => {
    const config = parseConfig(
      'notafter.yaml',
      `sources:
  - {name: sign-on, type: identity-provider, every: 1s, saml: ["${pages.url}/metadata"]}
channels:
  - {name: mail, type: email, smtp: {host: 127.0.0.1, port: ${mailbox.port}, secure: none}, from: notafter@lab.test, to: [oncall@lab.test]}
web: {listen: "127.0.0.1:0"}
store: "sqlite:${path.join(folder, 'notafter.db')}"
`,
      {},
    );
    daemon = await startDaemon({ config, version: 'test', log: quiet, loadConfig: () => Promise.resolve(config) });
    const mails = (): readonly (readonly [string, string])[] =>
      mailbox.received.map(({ mail }) => [mail.subject ?? '', mail.text ?? ''] as const);
    await eventually('it is told', () => mails().length > 0);

    expect(mails()[0]?.[0]).toContain('sign-on ends in 4 days');
    expect(mails()[0]?.[1]).toContain(`${pages.url}/metadata entity https://idp.lab.test/saml`);

    signing = lasting('sign-on', 400);
    await eventually('it is resolved', () => mails().some(([subject]) => /resolved/i.test(subject)));
    expect(mails()).toHaveLength(2);
  });
});
