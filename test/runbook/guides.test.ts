import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { KnownCertificate, Location, Sighting } from '../../src/inventory/model.ts';
import type { Phase, Runbook } from '../../src/runbook/model.ts';
import { itemSituation, join } from '../../src/runbook/gathering.ts';
import { buildRunbook } from '../../src/runbook/runbook.ts';
import { createAuthority, type TestCertificate } from '../helpers/pki.ts';
import { authority, fileLocation, leaf, NOW } from '../policy/places.ts';

const ca = createAuthority({ name: 'CA' });
const issuing = createAuthority({ name: 'Issuing', parent: ca });
const old = issuing.issue({ names: ['web.example.com'] });
const next = issuing.issue({ names: ['web.example.com'] });
const nextAnchor = createAuthority({ name: 'CA' }).certificate;

/** What the steps of these phases say to type; of the ways to reload, none. */
function typed(runbook: Runbook, ...phases: readonly Phase[]): string {
  return ['set -eu', ...phases.flatMap((phase) => runbook.phases[phase].flatMap(({ commands }) => commands))].join(
    '\n',
  );
}

/* The steps at each kind of file are typed into a shell, and so is the way back. */
describe('a guide', () => {
  let folder: string;
  const at = (name: string): string => path.join(folder, name);
  const der = (certificate: TestCertificate): Buffer => Buffer.from(certificate.der);

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "notafter guide's-"));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function run(script: string): void {
    execFileSync('/bin/sh', ['-c', script], {
      env: { ...process.env, HOME: folder, STORE_PASSWORD: 'changeit' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  }

  function runbookFor(file: string, item: KnownCertificate, sightings: readonly Partial<Sighting>[]): Runbook {
    const seen = sightings.map((one, index): Sighting => ({
      item,
      place: 'certificate',
      index,
      role: 'server',
      firstSeenAt: NOW,
      lastSeenAt: NOW,
      ...one,
    }));
    const location: Location = { ...fileLocation(seen), target: at(file), location: at(file) };
    return buildRunbook(itemSituation(item, join([location], new Map(), NOW)));
  }

  const known = (certificate: TestCertificate): KnownCertificate =>
    leaf('web.example.com', { id: certificate.fingerprint });
  const chain: Partial<Sighting> = { role: 'intermediate', item: authority('Issuing') };

  /** Types everything up to the clients, with a successor that was issued meanwhile; then the way back. */
  function replaced(
    file: string,
    runbook: Runbook,
  ): { readonly after: Buffer; readonly back: Buffer; readonly mode: number } {
    const successor = [
      ['new.pem', next.pem],
      ['chain.pem', issuing.certificate.pem],
      ['new.key', next.keyPem],
      ['authority.pem', nextAnchor.pem],
    ].map(([name = '', text = '']) => `cat > "$WORK/${name}" <<'END'\n${text}END`);
    const whole = [typed(runbook, 'preparation'), ...successor, typed(runbook, 'trust', 'servers', 'clients')].join(
      '\n',
    );
    run(whole);
    const [after, { mode }] = [readFileSync(at(file)), statSync(at(file))];
    run([typed(runbook, 'preparation').split('\n').slice(0, 6).join('\n'), typed(runbook, 'rollback')].join('\n'));
    return { after, back: readFileSync(at(file)), mode: mode & 0o777 };
  }

  it('replaces certificate, chain and key in files of their own, keeps their modes, and knows the way back', () => {
    writeFileSync(at('web.pem'), old.chainPem, { mode: 0o644 });
    writeFileSync(at('web.key'), old.keyPem, { mode: 0o640 });
    const runbook = runbookFor('web.pem', known(old), [{ key: { at: at('web.key'), match: 'yes' } }, chain]);

    const { after, back, mode } = replaced('web.pem', runbook);

    expect(after.toString()).toBe(next.pem + issuing.certificate.pem);
    expect(mode).toBe(0o644);
    expect(statSync(at('web.key')).mode & 0o777).toBe(0o640);
    expect(back.toString()).toBe(old.chainPem);
    expect(readFileSync(at('web.key'), 'utf8')).toBe(old.keyPem);
  });

  it('replaces certificate and key in one file', () => {
    writeFileSync(at('both.pem'), old.pem + old.keyPem, { mode: 0o600 });
    const runbook = runbookFor('both.pem', known(old), [{ key: { at: at('both.pem'), match: 'yes' } }]);

    const { after, back, mode } = replaced('both.pem', runbook);

    expect(after.toString()).toBe(next.pem + next.keyPem);
    expect(mode).toBe(0o600);
    expect(back.toString()).toBe(old.pem + old.keyPem);
  });

  it('writes DER where DER was', () => {
    writeFileSync(at('web.der'), der(old));

    const { after, back } = replaced('web.der', runbookFor('web.der', known(old), [{}]));

    expect(after).toEqual(der(next));
    expect(back).toEqual(der(old));
  });

  it('makes a PKCS#12 file anew', () => {
    writeFileSync(at('old.pem'), old.pem + old.keyPem);
    run(
      `openssl pkcs12 -export -in '${at('old.pem').replaceAll("'", String.raw`'\''`)}' -passout env:STORE_PASSWORD -out "$HOME/web.p12"`,
    );

    const before = readFileSync(at('web.p12'));
    const { after, back } = replaced('web.p12', runbookFor('web.p12', known(old), [{ place: 'web' }]));

    writeFileSync(at('after.p12'), after);
    const shown = execFileSync('openssl', ['pkcs12', '-in', at('after.p12'), '-passin', 'pass:changeit', '-nokeys'], {
      encoding: 'utf8',
    });
    expect(shown).toContain(next.pem.trim());
    expect(back).toEqual(before);
  });

  it('puts the successor of what is trusted beside it', () => {
    writeFileSync(at('trusted.pem'), ca.certificate.pem);
    const item = authority('CA', { id: ca.certificate.fingerprint, selfIssued: true });

    const { after, back } = replaced('trusted.pem', runbookFor('trusted.pem', item, [{ role: 'trust-anchor' }]));

    expect(after.toString()).toBe(ca.certificate.pem + nextAnchor.pem);
    expect(back.toString()).toBe(ca.certificate.pem);
  });

  it('leaves a file alone when there is nothing to put there', () => {
    writeFileSync(at('web.der'), der(old));
    const runbook = runbookFor('web.der', known(old), [{}]);

    expect(() => run([typed(runbook, 'preparation'), typed(runbook, 'servers')].join('\n'))).toThrow('Command failed');

    expect(
      createHash('sha256')
        .update(readFileSync(at('web.der')))
        .digest('hex'),
    ).toBe(old.fingerprint);
  });
});
