import type { KnownCertificate, KnownItem } from '../inventory/model.ts';
import { quote } from '../text/shell.ts';
import { lifetimeMs } from '../policy/kind.ts';
import { titleOf } from '../policy/wording.ts';
import type { Spot } from './guides/guide.ts';
import { guideFor } from './guides/choosing.ts';
import { VAULT_SIGN } from './guides/vault.ts';
import { step, type Choice, type Step } from './model.ts';
import { FILES, given, restOf, work } from './shell.ts';
import type { KnownSuccessor } from './situation.ts';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 90;

/** A successor of a leaf in `FILES`: one that lies somewhere already, else by the means of its place, else by hand. */
export function issueLeaf(
  item: KnownItem,
  spots: readonly Spot[],
  successors: readonly KnownSuccessor[],
): readonly Step[] {
  const ready = readySuccessor(successors);
  if (ready !== undefined) return [takeReady(ready), checkLeaf(item)];
  for (const spot of spots) {
    const steps = guideFor(spot).renew?.(spot);
    if (steps !== undefined) return steps;
  }
  return [request(item), sign(item), checkLeaf(item)];
}

/** A newer certificate in a file, with the key that was seen beside it. */
export interface ReadySuccessor {
  readonly title: string;
  readonly file: string;
  readonly key?: string;
}

/** The first successor that lies in a file. */
export function readySuccessor(successors: readonly KnownSuccessor[]): ReadySuccessor | undefined {
  for (const { item, homes } of successors) {
    const home = homes.find(({ location }) => location.type === 'file' && location.location.startsWith('/'));
    if (home === undefined) continue;
    const key = home.sighting.key?.at;
    return {
      title: titleOf(item),
      file: home.location.location,
      ...(key?.startsWith('/') === true ? { key } : {}),
    };
  }
  return undefined;
}

function takeReady({ title, file, key }: ReadySuccessor): Step {
  return step('Take the successor that is there already', {
    text: [
      `A newer certificate for the same names (${title}) lies at ${file}: nothing has to be issued, it was not brought into use.`,
      ...(key === undefined ? ['Its key was not seen beside it: set NEW_KEY to where it is.'] : []),
    ],
    commands: [
      `openssl x509 -in ${quote(file)} -out ${FILES.certificate}`,
      `${restOf(quote(file))} > ${FILES.chain}`,
      ...(key === undefined
        ? [given('NEW_KEY', 'the file of its key'), `openssl pkey -in "$NEW_KEY" -out ${FILES.key}`]
        : [`openssl pkey -in ${quote(key)} -out ${FILES.key}`]),
    ],
  });
}

/** A new key and a request with everything that the present certificate says of itself. */
function request(item: KnownItem): Step {
  return step('Make a new key and a request', {
    text: [
      'With the subject, the names and the usages of the present certificate, which servers may have written into their configs. OpenSSL 3 is needed to copy them. Change here what should change.',
    ],
    commands: [
      `openssl genpkey ${keyOptions(item)} -out ${FILES.key}`,
      `openssl x509 -in ${FILES.oldCertificate} -x509toreq -copy_extensions copyall -signkey ${FILES.key} -out ${work('new.csr')}`,
      `openssl req -in ${work('new.csr')} -noout -verify -subject`,
    ],
  });
}

function keyOptions(item: KnownItem): string {
  const [algorithm = '', detail = ''] = item.kind === 'certificate' ? item.keyAlgorithm.split(' ') : [];
  if (algorithm === 'rsa' && /^\d{4,5}$/.test(detail)) {
    return `-algorithm RSA -pkeyopt rsa_keygen_bits:${Math.max(2048, Number(detail))}`;
  }
  if (algorithm === 'ed25519') return '-algorithm ED25519';
  const curve = /^P-(?:256|384|521)$/.test(detail) ? detail : 'P-256';
  return `-algorithm EC -pkeyopt ec_paramgen_curve:${curve}`;
}

function sign(item: KnownItem): Step {
  const days = daysOf(item);
  if (item.kind === 'certificate' && item.selfIssued) {
    return step('Sign it with its own key, as the present one is', {
      text: ['Whoever trusts the present one must be given the new one first.'],
      commands: [
        `openssl x509 -req -in ${work('new.csr')} -signkey ${FILES.key} -days ${days} -copy_extensions copyall -out ${FILES.certificate}`,
      ],
    });
  }
  const issuer = issuerOf(item);
  return step(`Have it signed${issuer === undefined ? '' : ` by ${issuer}`}`, { choices: signers(days) });
}

function signers(days: number): readonly Choice[] {
  return [
    {
      when: 'the CA is yours, and its key is a file',
      commands: [
        given('CA_CERT', 'the file of the certificate of the CA'),
        given('CA_KEY', 'the file of its key'),
        `openssl x509 -req -in ${work('new.csr')} -CA "$CA_CERT" -CAkey "$CA_KEY" -days ${days} -copy_extensions copyall -out ${FILES.certificate}`,
        `cp -- ${FILES.oldChain} ${FILES.chain}`,
      ],
    },
    { when: 'Vault or OpenBao', commands: VAULT_SIGN },
    {
      when: 'step-ca',
      commands: [
        `step ca sign ${work('new.csr')} ${work('signed.pem')}`,
        `openssl x509 -in ${work('signed.pem')} -out ${FILES.certificate}`,
        `${restOf(work('signed.pem'))} > ${FILES.chain}`,
      ],
    },
    {
      when: "Let's Encrypt or another CA by ACME (on the machine that the names lead to, port 80 free)",
      commands: [
        `certbot certonly --standalone --csr ${work('new.csr')} --cert-path ${FILES.certificate} --chain-path ${FILES.chain} --fullchain-path ${work('fullchain.pem')}`,
      ],
    },
    {
      when: 'another CA: give it the request by its portal or a ticket, and go on with the file that it gives back',
      commands: [
        `cat ${work('new.csr')}`,
        given('SIGNED', 'the file that the CA gave, the certificate first and its intermediates behind it'),
        `openssl x509 -in "$SIGNED" -out ${FILES.certificate}`,
        `${restOf('"$SIGNED"')} > ${FILES.chain}`,
      ],
    },
  ];
}

function checkLeaf(item: KnownItem): Step {
  const halfSeconds = Math.floor((lifetimeMs(item) ?? DEFAULT_DAYS * DAY_MS) / 2000);
  const names = nameList(item);
  return step('Check the successor before it is used', {
    text: [
      `It must have all the names and usages of the old one${names === '' ? '' : ` (${names})`}, belong to its key, and live longer than half of what the old one did.`,
    ],
    commands: [
      `openssl x509 -in ${FILES.certificate} -noout -subject -issuer -dates -ext subjectAltName,extendedKeyUsage`,
      `test "$(openssl x509 -in ${FILES.certificate} -noout -pubkey)" = "$(openssl pkey -in ${FILES.key} -pubout)"`,
      `openssl x509 -in ${FILES.certificate} -noout -checkend ${halfSeconds}`,
    ],
  });
}

function nameList(item: KnownItem): string {
  const names = item.kind === 'certificate' || item.kind === 'described' ? item.names : [];
  return names.slice(0, 10).join(', ') + (names.length > 10 ? ' and more' : '');
}

function issuerOf(item: KnownItem): string | undefined {
  return item.kind === 'certificate' || item.kind === 'described' ? item.issuer : undefined;
}

function daysOf(item: KnownItem): number {
  const lifetime = lifetimeMs(item);
  return lifetime === undefined ? DEFAULT_DAYS : Math.max(1, Math.round(lifetime / DAY_MS));
}

/** A successor of an authority in `FILES.authority`. `files`: PEM files in which it stands behind what it signed. */
export function issueAuthority(item: KnownCertificate, files: readonly string[]): readonly Step[] {
  return [
    step(`Get the successor of ${titleOf(item)}`, {
      text: [
        `Ask its owner${item.selfIssued ? '' : `, or ${item.issuer} that issued it,`} for the new certificate. A CA that kept its key and its name can renew it without touching what it signed; a new key means that everything below is issued anew.`,
      ],
      commands: [
        given('AUTHORITY', 'the file of the successor, PEM'),
        `openssl x509 -in "$AUTHORITY" -out ${FILES.authority}`,
        `openssl x509 -in ${FILES.authority} -noout -subject -issuer -dates -ext basicConstraints`,
      ],
    }),
    ...(files.length === 0
      ? []
      : [
          step('See whether what it signed stays valid under the successor', {
            text: [
              'OK: the successor has the same key, and what it signed stays as it is. An error: stop here, have each certificate below issued anew by the successor first, by its own runbook (notafter runbook FINGERPRINT), and bring both into use together.',
            ],
            commands: files.map(
              (file) => `openssl x509 -in ${quote(file)} | openssl verify -partial_chain -trusted ${FILES.authority}`,
            ),
          }),
        ]),
  ];
}

/** A newer revocation list in `FILES.list`. */
export function issueList(item: Extract<KnownItem, { kind: 'crl' }>): readonly Step[] {
  const days = daysOf(item);
  return [
    step(`Get a newer list of ${item.issuer}`, {
      choices: [
        {
          when: 'the CA is yours, made with openssl ca (on the machine of the CA)',
          commands: [
            given('CA_CONFIG', 'the config file of the CA'),
            `openssl ca -config "$CA_CONFIG" -gencrl -crldays ${days} -out ${FILES.list}`,
          ],
        },
        {
          when: 'the CA publishes it, and the job that fetches it has not run',
          commands: [
            given('CRL_URL', 'the address in the certificates: openssl x509 -noout -ext crlDistributionPoints'),
            `curl -fsS --max-time 60 -o ${FILES.list} "$CRL_URL"`,
          ],
        },
        { when: 'step-ca', commands: [`step ca crl > ${FILES.list}`] },
        {
          when: 'Vault or OpenBao',
          commands: [
            given('VAULT_PKI', 'the mount of the CA, such as pki'),
            'vault read "$VAULT_PKI/crl/rotate"',
            `vault read -field=certificate "$VAULT_PKI/cert/crl" > ${FILES.list}`,
          ],
        },
      ],
    }),
    step('Check that it is newer, and signed by the right CA', {
      commands: [
        given('CA_CERT', 'the file of the certificate of the CA'),
        `openssl crl -in ${FILES.list} -noout -issuer -lastupdate -nextupdate`,
        `openssl crl -in ${FILES.list} -CAfile "$CA_CERT" -noout 2>&1 | grep 'verify OK'`,
      ],
    }),
  ];
}
