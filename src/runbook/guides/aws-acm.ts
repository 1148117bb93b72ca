import { quote } from '../../text/shell.ts';
import { step } from '../model.ts';
import { FILES, given, work } from '../shell.ts';
import { hasChain, type Guide, type Spot } from './guide.ts';

const ARN = /^arn:aws[a-z-]*:acm:(?<region>[a-z0-9-]+):/;

/**
 * AWS Certificate Manager. What was imported is imported again under the same ARN, so that what uses it takes the new one by
 * itself (https://docs.aws.amazon.com/acm/latest/userguide/import-reimport.html); what ACM issued, ACM renews
 * (https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html).
 */
export const awsAcm: Guide = {
  matches: ({ home, material }) => material === 'leaf' && ARN.test(home.location.location),

  save(spot) {
    const first =
      spot.number === 1
        ? [
            `${acm(spot, 'get-certificate')} --query Certificate --output text > ${FILES.oldCertificate}`,
            ...(hasChain(spot)
              ? [`${acm(spot, 'get-certificate')} --query CertificateChain --output text > ${FILES.oldChain}`]
              : []),
          ]
        : [];
    return [
      step('Keep what ACM holds', {
        text: ['ACM does not give the private key of an imported certificate back: have the old one at hand.'],
        commands: [`${acm(spot, 'get-certificate')} --output json > ${work(`old-${spot.number}.json`)}`, ...first],
      }),
    ];
  },

  renew(spot) {
    if (isImported(spot)) return undefined;
    return [
      step('Let ACM renew it', {
        text: [
          ...stuck(spot),
          'ACM renews by itself what it issued, once it is in use and its domains validate. The status says what it waits for: the CNAME records it names must be in DNS, for ever.',
        ],
        commands: [
          `${acm(spot, 'describe-certificate')} --query 'Certificate.[RenewalEligibility,RenewalSummary,InUseBy,DomainValidationOptions]'`,
        ],
      }),
      step('Wait until ACM has it, and take a copy', {
        commands: [
          `aws acm wait certificate-validated --region ${quote(regionOf(spot))} --certificate-arn ${quote(arnOf(spot))}`,
          `${acm(spot, 'get-certificate')} --query Certificate --output text > ${FILES.certificate}`,
        ],
      }),
    ];
  },

  install(spot) {
    if (!isImported(spot)) {
      return [step('Nothing has to be installed: what uses the ARN takes the renewed certificate by itself')];
    }
    const chain = hasChain(spot) ? ` --certificate-chain fileb://${FILES.chain}` : '';
    return [
      step('Import the successor under the same ARN', {
        text: [
          'What uses the ARN takes it by itself, load balancers within minutes. Under a new ARN nothing would change.',
          ...usersOf(spot),
        ],
        commands: [
          `${acm(spot, 'import-certificate')} --certificate fileb://${FILES.certificate} --private-key fileb://${FILES.key}${chain}`,
        ],
      }),
    ];
  },

  restore(spot) {
    if (!isImported(spot)) return [];
    const chain = hasChain(spot) ? ` --certificate-chain fileb://${FILES.oldChain}` : '';
    return [
      step('Import the old certificate again', {
        commands: [
          given('OLD_KEY', 'the file of the old private key'),
          `${acm(spot, 'import-certificate')} --certificate fileb://${FILES.oldCertificate} --private-key fileb://"$OLD_KEY"${chain}`,
        ],
      }),
    ];
  },
};

function acm(spot: Spot, call: string): string {
  return `aws acm ${call} --region ${quote(regionOf(spot))} --certificate-arn ${quote(arnOf(spot))}`;
}

function arnOf({ home }: Spot): string {
  return home.location.location;
}

function regionOf(spot: Spot): string {
  return ARN.exec(arnOf(spot))?.groups?.['region'] ?? '';
}

function isImported({ home }: Spot): boolean {
  return home.sighting.renewal?.mode === 'manual';
}

function stuck({ home }: Spot): readonly string[] {
  const why = home.sighting.renewal?.stuck;
  return why === undefined ? [] : [`Its renewal is stuck: ${why}.`];
}

function usersOf({ home }: Spot): readonly string[] {
  const users = (home.sighting.usedBy ?? []).map(({ id }) => id);
  return users.length === 0
    ? ['Nothing uses it, as far as ACM says.']
    : [`It is used by ${users.slice(0, 5).join(', ')}.`];
}
