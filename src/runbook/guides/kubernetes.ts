import { quote } from '../../text/shell.ts';
import { step } from '../model.ts';
import { FILES, given, work } from '../shell.ts';
import { hasChain, type Guide, type Spot } from './guide.ts';

/** A location of the collector: `secret/shop/web`, behind the context where its source looks at several clusters. */
const SECRET = /^(?:(?<context>.+)\/)?secret\/(?<namespace>[a-z0-9-]+)\/(?<name>[a-z0-9.-]+)$/;

/**
 * A Secret of Kubernetes. Where cert-manager makes it, a Secret written by hand is overwritten: then cert-manager is asked
 * (https://cert-manager.io/docs/usage/certificate/#actions-triggering-private-key-rotation).
 */
export const kubernetes: Guide = {
  matches: ({ home }) => home.location.type === 'kubernetes' && SECRET.test(home.location.location),

  save(spot) {
    const { namespace, name, kubectl } = secretOf(spot);
    return [
      step(`Keep the Secret ${namespace}/${name}`, {
        commands: [
          `${kubectl} get secret ${quote(name)} -o yaml > ${work(`old-${spot.number}.yaml`)}`,
          ...(spot.number === 1
            ? [
                `${kubectl} get secret ${quote(name)} -o 'jsonpath={.data.tls\\.crt}' | base64 -d | openssl x509 -out ${FILES.oldCertificate}`,
              ]
            : []),
        ],
      }),
    ];
  },

  renew(spot) {
    if (spot.home.sighting.renewal?.mode !== 'automatic') return undefined;
    const { name, kubectl, cmctl } = secretOf(spot);
    const stuck = spot.home.sighting.renewal.stuck;
    return [
      step('Find out why cert-manager has not renewed it', {
        text: stuck === undefined ? [] : [`Its renewal is stuck: ${stuck}.`],
        commands: [
          `${kubectl} get certificates,certificaterequests -o wide`,
          `${kubectl} get events --sort-by=.lastTimestamp`,
        ],
      }),
      step('Let cert-manager renew it', {
        text: ['The Certificate is the one whose SECRET column says the name of this Secret.'],
        commands: [
          `CERTIFICATE=$(${kubectl} get certificates -o ${quote(`jsonpath={.items[?(@.spec.secretName=="${name}")].metadata.name}`)})`,
          given('CERTIFICATE', 'the name of the Certificate: no Certificate makes this Secret'),
          `${cmctl} renew "$CERTIFICATE"`,
          `${kubectl} wait --for=condition=Ready --timeout=300s "certificate/$CERTIFICATE"`,
          `${kubectl} get secret ${quote(name)} -o 'jsonpath={.data.tls\\.crt}' | base64 -d | openssl x509 -out ${FILES.certificate}`,
        ],
      }),
    ];
  },

  install(spot) {
    const { namespace, name, kubectl } = secretOf(spot);
    const restart = step('Let what uses the Secret read it', {
      text: [
        'Ingress controllers see it at once; a pod that mounts it has the new file within a minute or two, and must read it itself. One that reads it at its start alone has to be restarted.',
      ],
      commands: [
        `${kubectl} get pods -o ${quote(`jsonpath={range .items[?(@.spec.volumes[*].secret.secretName=="${name}")]}{.metadata.name}{"\\n"}{end}`)}`,
      ],
    });
    if (spot.home.sighting.renewal?.mode === 'automatic') return [restart];
    const parts = [FILES.certificate, ...(hasChain(spot) ? [FILES.chain] : [])];
    return [
      step(`Replace the Secret ${namespace}/${name}`, {
        text: ['Where a GitOps tool or a secret operator writes it, change it there: it would be overwritten.'],
        commands: [
          `cat ${parts.join(' ')} > ${work('tls.crt')}`,
          `${kubectl} create secret tls ${quote(name)} --cert=${work('tls.crt')} --key=${FILES.key} --dry-run=client -o yaml | ${kubectl} apply -f -`,
        ],
      }),
      restart,
    ];
  },

  restore(spot) {
    const { namespace, name, kubectl } = secretOf(spot);
    return [
      step(`Bring back the Secret ${namespace}/${name}`, {
        commands: [`${kubectl} replace --force -f ${work(`old-${spot.number}.yaml`)}`],
      }),
    ];
  },
};

function secretOf({ home }: Spot): {
  readonly namespace: string;
  readonly name: string;
  /** `kubectl` and its options, in the namespace. */
  readonly kubectl: string;
  readonly cmctl: string;
} {
  const { context, namespace = '', name = '' } = SECRET.exec(home.location.location)?.groups ?? {};
  const within = `${context === undefined ? '' : ` --context ${quote(context)}`} -n ${quote(namespace)}`;
  return { namespace, name, kubectl: `kubectl${within}`, cmctl: `cmctl${within}` };
}
