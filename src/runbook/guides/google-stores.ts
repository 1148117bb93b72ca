import { quote } from '../../text/shell.ts';
import { step } from '../model.ts';
import { FILES, given, work } from '../shell.ts';
import type { Guide, Spot } from './guide.ts';

const AUTHORITY =
  /^projects\/(?<project>[^/]+)\/locations\/(?<region>[^/]+)\/caPools\/(?<pool>[^/]+)\/certificateAuthorities\/(?<name>[^/]+)$/;
const ISSUED =
  /^projects\/(?<project>[^/]+)\/locations\/(?<region>[^/]+)\/caPools\/(?<pool>[^/]+)\/certificates\/(?<name>[^/]+)$/;
const ACCOUNT = /^projects\/(?<project>[^/]+)\/serviceAccounts\/(?<email>[^/]+)$/;

/** A call about the authority, or about its successor in the pool. */
function call({ home, item }: Spot, verb: string, end = ''): string {
  const { project = '', region = '', pool = '', name = '' } = AUTHORITY.exec(home.location.location)?.groups ?? {};
  const kind = isRoot(item) ? 'roots' : 'subordinates';
  return `gcloud privateca ${kind} ${verb} ${quote(`${name}${end}`)} --project=${quote(project)} --location=${quote(region)} --pool=${quote(pool)}`;
}

function isRoot(item: Spot['item']): boolean {
  return item.kind === 'certificate' && item.selfIssued;
}

/**
 * An authority of Certificate Authority Service: it cannot be renewed, so another one takes over in its pool
 * (https://cloud.google.com/certificate-authority-service/docs/renew-certificate-authorities).
 */
export const googleAuthority: Guide = {
  matches: ({ home }) => home.sighting.place === 'certificate' && AUTHORITY.test(home.location.location),

  save: (spot) => [
    step('Keep what the authority is made of', {
      commands: [`${call(spot, 'describe')} > ${work(`old-${spot.number}.yaml`)}`],
    }),
  ],

  install(spot) {
    const { name = '' } = AUTHORITY.exec(spot.home.location.location)?.groups ?? {};
    const created = `${call(spot, 'create', '-next')} --from-ca=${quote(name)}`;
    return [
      step('Make its successor in the same pool', {
        text: ['It has a key of its own and issues nothing before it is enabled.'],
        commands: isRoot(spot.item)
          ? [created]
          : [
              given('ISSUER_POOL', 'the pool that signs it: projects/…/locations/…/caPools/…'),
              `${created} --issuer-pool="$ISSUER_POOL"`,
            ],
      }),
      step('Let everybody who trusts the old one trust the new one, and then let it issue', {
        text: [
          'Trust first: what the new one issues is turned away wherever it is not known. Then disable the old one; what it has issued goes on until its own end.',
        ],
        commands: [
          `${call(spot, 'describe', '-next')} --format='value(pemCaCertificates[0])' > ${FILES.authority}`,
          call(spot, 'enable', '-next'),
          call(spot, 'disable'),
        ],
      }),
    ];
  },

  restore: (spot) => [
    step('Let the old authority issue again', { commands: [call(spot, 'enable'), call(spot, 'disable', '-next')] }),
  ],
};

/** A certificate that a pool has issued: whoever holds its key asks the pool for the next one. */
export const googleIssued: Guide = {
  matches: ({ home }) => ISSUED.test(home.location.location),

  save: (spot) =>
    spot.number === 1
      ? [
          step('Take a copy of what the pool has issued', {
            commands: [`${issued(spot, 'describe')} --format='value(pemCertificate)' > ${FILES.oldCertificate}`],
          }),
        ]
      : [],

  renew: (spot) => [
    step('Ask the pool for another one', {
      text: ['By the means that asked for this one, where there are some: cert-manager, a client library, a job.'],
      commands: [
        given('CSR', 'the file of the request, made with the key of the client or server'),
        given('VALIDITY', 'how long it lives: P30D'),
        `${issued(spot, 'create', '-next')} --csr="$CSR" --validity="$VALIDITY" --cert-output-file=${FILES.certificate}`,
      ],
    }),
  ],

  install: () => [
    step('Give it to what shows the old one', {
      text: ['The pool does not know where that is. The other places above do, where there are some.'],
    }),
  ],

  restore: () => [],
};

function issued({ home }: Spot, verb: string, end = ''): string {
  const { project = '', region = '', pool = '', name = '' } = ISSUED.exec(home.location.location)?.groups ?? {};
  return `gcloud privateca certificates ${verb} ${quote(`${name}${end}`)} --project=${quote(project)} --issuer-location=${quote(region)} --issuer-pool=${quote(pool)}`;
}

/** A key of a service account, made by Google or uploaded as a certificate (https://cloud.google.com/iam/docs/keys-create-delete). */
export const googleAccountKey: Guide = {
  matches: ({ home }) => ACCOUNT.test(home.location.location),
  save: () => [],

  install(spot) {
    const isUploaded = spot.home.sighting.place.endsWith('/certificate');
    return [
      step('Make another key beside the old one, and give it to what logs in', {
        text: [
          'A workload that logs in by federation or by the identity of its machine needs no key at all: that ends for ever.',
        ],
        commands: [
          isUploaded ? keys(spot, 'upload', FILES.certificate) : keys(spot, 'create', work(`key-${spot.number}.json`)),
        ],
      }),
      step('Take the old key away when nothing uses it', {
        text: ['Disabled, it can be brought back; deleted, it cannot. Give it some days.'],
        commands: [keys(spot, 'disable', quote(keyOf(spot)))],
      }),
    ];
  },

  restore: (spot) => [step('Let the old key log in again', { commands: [keys(spot, 'enable', quote(keyOf(spot)))] })],
};

function keyOf({ home }: Spot): string {
  return home.sighting.place.split('/')[1] ?? '';
}

/** `what` is a word for the shell. */
function keys({ home }: Spot, verb: string, what: string): string {
  const { project = '', email = '' } = ACCOUNT.exec(home.location.location)?.groups ?? {};
  return `gcloud iam service-accounts keys ${verb} ${what} --iam-account=${quote(email)} --project=${quote(project)}`;
}
