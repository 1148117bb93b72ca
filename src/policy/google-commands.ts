import { quote } from '../text/shell.ts';

type Names = Readonly<Record<string, string>>;

/** How each kind of thing is named, and how it is shown (https://cloud.google.com/sdk/gcloud/reference). */
const KINDS: readonly (readonly [RegExp, (names: Names) => string])[] = [
  [
    /^projects\/(?<project>[^/]+)\/locations\/(?<region>[^/]+)\/certificates\/(?<name>[^/]+)$/,
    ({ name = '', project = '', region = '' }) =>
      `gcloud certificate-manager certificates describe ${quote(name)} --project=${quote(project)} --location=${quote(region)}`,
  ],
  [
    /^projects\/(?<project>[^/]+)\/locations\/(?<region>[^/]+)\/trustConfigs\/(?<name>[^/]+)$/,
    ({ name = '', project = '', region = '' }) =>
      `gcloud certificate-manager trust-configs describe ${quote(name)} --project=${quote(project)} --location=${quote(region)}`,
  ],
  [
    /^projects\/(?<project>[^/]+)\/(?<where>global|regions\/[^/]+)\/sslCertificates\/(?<name>[^/]+)$/,
    ({ name = '', project = '', where = '' }) =>
      `gcloud compute ssl-certificates describe ${quote(name)} --project=${quote(project)} ${where === 'global' ? '--global' : `--region=${quote(where.slice('regions/'.length))}`}`,
  ],
  [
    /^projects\/(?<project>[^/]+)\/locations\/(?<region>[^/]+)\/caPools\/(?<pool>[^/]+)\/certificateAuthorities\/[^/]+$/,
    ({ project = '', region = '', pool = '' }) =>
      // Roots and those below a root are shown by different commands; the pool knows both.
      `gcloud privateca pools get-ca-certs ${quote(pool)} --project=${quote(project)} --location=${quote(region)} --output-file=/dev/stdout`,
  ],
  [
    /^projects\/(?<project>[^/]+)\/locations\/(?<region>[^/]+)\/caPools\/(?<pool>[^/]+)\/certificates\/(?<name>[^/]+)$/,
    ({ name = '', project = '', region = '', pool = '' }) =>
      `gcloud privateca certificates describe ${quote(name)} --project=${quote(project)} --issuer-location=${quote(region)} --issuer-pool=${quote(pool)}`,
  ],
  [
    /^projects\/(?<project>[^/]+)\/serviceAccounts\/(?<email>[^/]+)$/,
    ({ project = '', email = '' }) =>
      `gcloud iam service-accounts keys list --iam-account=${quote(email)} --project=${quote(project)}`,
  ],
];

/** Shows with the command line of Google what is at a location; `undefined` for what is none of Google's. */
export function googleLook(place: string): string | undefined {
  for (const [form, show] of KINDS) {
    const names = form.exec(place)?.groups;
    if (names !== undefined) return show(names);
  }
  return undefined;
}
