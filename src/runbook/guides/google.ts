import { quote } from '../../text/shell.ts';
import { step } from '../model.ts';
import { FILES } from '../shell.ts';
import { hasChain, type Guide, type Spot } from './guide.ts';

const MANAGER = /projects\/(?<project>[^/]+)\/locations\/(?<region>[^/]+)\/certificates\/(?<name>[^/]+)$/;
const COMPUTE = /projects\/(?<project>[^/]+)\/(?:global|regions\/(?<region>[^/]+))\/sslCertificates\/(?<name>[^/]+)$/;

interface Resource {
  readonly project: string;
  readonly name: string;
  readonly region?: string;
  readonly isManager: boolean;
}

/**
 * Google Cloud: Certificate Manager, where a self-managed certificate is updated in place, and the older SSL certificates of
 * load balancers, which are made anew and attached (https://cloud.google.com/certificate-manager/docs/certificates).
 */
export const google: Guide = {
  matches: ({ home, material }) => material === 'leaf' && resourceOf(home.location.location) !== undefined,

  save(spot) {
    const command = describe(spot);
    return command === undefined
      ? []
      : [
          step('Take a copy of what Google Cloud holds', {
            text: ['The private key does not come back: have the old one at hand.'],
            commands:
              spot.number === 1
                ? [`${command} --format='value(pemCertificate,certificate)' > ${FILES.oldCertificate}`]
                : [command],
          }),
        ];
  },

  renew(spot) {
    if (spot.home.sighting.renewal?.mode !== 'automatic') return undefined;
    const command = describe(spot);
    const stuck = spot.home.sighting.renewal.stuck;
    return [
      step('Let Google Cloud renew it', {
        text: [
          ...(stuck === undefined ? [] : [`Its renewal is stuck: ${stuck}.`]),
          'A managed certificate renews by itself about 30 days before its end, as long as each domain still authorises it: the DNS authorisation or the address of the load balancer. The status says which domain fails.',
        ],
        commands: command === undefined ? [] : [command, ...recordsOf(spot)],
      }),
    ];
  },

  install(spot) {
    const resource = resourceOf(spot.home.location.location);
    if (resource === undefined || spot.home.sighting.renewal?.mode === 'automatic') return [];
    const { project, name, region, isManager } = resource;
    const file = `"$WORK/full.pem"`;
    const full = `cat ${[FILES.certificate, ...(hasChain(spot) ? [FILES.chain] : [])].join(' ')} > ${file}`;
    if (isManager) {
      return [
        step('Update the certificate in place', {
          commands: [
            full,
            `gcloud certificate-manager certificates update ${quote(name)} --project=${quote(project)} --location=${quote(region ?? 'global')} --certificate-file=${file} --private-key-file=${FILES.key}`,
          ],
        }),
      ];
    }
    const where = region === undefined ? '--global' : `--region=${quote(region)}`;
    return [
      step('Make a new SSL certificate and attach it', {
        text: [
          'An SSL certificate cannot be changed. Attach the new one beside the old one, then take the old one away.',
        ],
        commands: [
          full,
          `gcloud compute ssl-certificates create ${quote(`${name}-next`)} --project=${quote(project)} ${where} --certificate=${file} --private-key=${FILES.key}`,
          ': "${PROXY:?set PROXY to the target HTTPS proxy that uses it: gcloud compute target-https-proxies list}"',
          `gcloud compute target-https-proxies update "$PROXY" --project=${quote(project)} ${where} --ssl-certificates=${quote(`${name}-next`)}`,
        ],
      }),
    ];
  },

  restore: () => [
    step('Attach the old certificate again', {
      text: [
        'An SSL certificate that was not deleted is attached as before; in Certificate Manager, update it with the old files.',
      ],
    }),
  ],
};

function resourceOf(location: string): Resource | undefined {
  const manager = MANAGER.exec(location)?.groups;
  const found = manager ?? COMPUTE.exec(location)?.groups;
  const { project, name, region } = found ?? {};
  if (project === undefined || name === undefined) return undefined;
  return { project, name, ...(region === undefined ? {} : { region }), isManager: manager !== undefined };
}

/** The DNS records by which the domains of a project are authorised, where one is missing. */
function recordsOf({ home }: Spot): readonly string[] {
  const { project, region, isManager } = resourceOf(home.location.location) ?? {};
  if (project === undefined || isManager !== true || home.sighting.renewal?.stuck === undefined) return [];
  return [
    `gcloud certificate-manager dns-authorizations list --project=${quote(project)} --location=${quote(region ?? 'global')} --format='table(domain,dnsResourceRecord.name,dnsResourceRecord.type,dnsResourceRecord.data)'`,
  ];
}

function describe({ home }: Spot): string | undefined {
  const resource = resourceOf(home.location.location);
  if (resource === undefined) return undefined;
  const { project, name, region, isManager } = resource;
  return isManager
    ? `gcloud certificate-manager certificates describe ${quote(name)} --project=${quote(project)} --location=${quote(region ?? 'global')}`
    : `gcloud compute ssl-certificates describe ${quote(name)} --project=${quote(project)} ${region === undefined ? '--global' : `--region=${quote(region)}`}`;
}
