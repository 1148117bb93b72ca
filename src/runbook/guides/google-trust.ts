import { quote } from '../../text/shell.ts';
import { step } from '../model.ts';
import { FILES, work } from '../shell.ts';
import type { Guide, Spot } from './guide.ts';

const TRUST = /^projects\/(?<project>[^/]+)\/locations\/(?<region>[^/]+)\/trustConfigs\/(?<name>[^/]+)$/;

/** A trust config of Google Certificate Manager, which is written and read as YAML (https://cloud.google.com/certificate-manager/docs/trust-configs). */
export const googleTrust: Guide = {
  matches: ({ home, material }) => material === 'anchor' && TRUST.test(home.location.location),

  save: (spot) => [
    step('Take a copy of the trust config', {
      commands: [`${call(spot, 'export')} --destination=${saved(spot)}`],
    }),
  ],

  install: (spot) => [
    step('Put the successor beside the old anchor', {
      text: ['It is in force at all load balancers within minutes; the old one goes when no client needs it.'],
      commands: [
        // The list of anchors stands below its key, as deep as the key itself.
        `awk -v f=${FILES.authority} '{print} /^(- |  )trustAnchors:/{print "  - pemCertificate: |-"; while ((getline line < f) > 0) print "      " line; close(f)}' ${saved(spot)} > ${work(`trust-${spot.number}.yaml`)}`,
        `! cmp -s ${saved(spot)} ${work(`trust-${spot.number}.yaml`)}`,
        `${call(spot, 'import')} --source=${work(`trust-${spot.number}.yaml`)}`,
      ],
    }),
  ],

  restore: (spot) => [
    step('Bring back the old trust config', {
      text: ['Take the line etag out of the copy if Google says that it has changed meanwhile.'],
      commands: [`${call(spot, 'import')} --source=${saved(spot)}`],
    }),
  ],
};

function saved({ number }: Spot): string {
  return work(`old-trust-${number}.yaml`);
}

function call({ home }: Spot, verb: string): string {
  const { project = '', region = '', name = '' } = TRUST.exec(home.location.location)?.groups ?? {};
  return `gcloud certificate-manager trust-configs ${verb} ${quote(name)} --project=${quote(project)} --location=${quote(region)}`;
}
