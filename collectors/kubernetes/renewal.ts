import type { Item } from '../../src/plugin/item.ts';
import { dict, instant, list, text, textList, type KubeObject } from './object.ts';

const HOUR_MS = 3_600_000;
/** A new Certificate is not ready at first, and an issuer may be restarted. */
const PATIENCE_MS = HOUR_MS;

type Renewal = NonNullable<Item['renewal']>;

/** What cert-manager says of a condition (https://cert-manager.io/docs/reference/api-docs/). */
interface Condition {
  readonly isTrue: boolean;
  readonly reason: string;
  readonly message: string;
  readonly since: Date | undefined;
}

/** A Certificate of cert-manager: what it is to be, and how far that got. */
export interface CertificateState {
  readonly namespace: string;
  readonly name: string;
  /** Where the certificate and its key are put. */
  readonly secretName: string;
  /** `ClusterIssuer/letsencrypt`; of an Issuer, with its namespace in between. */
  readonly issuer: string;
  readonly names: readonly string[];
  readonly usages: readonly string[];
  readonly isCa: boolean;
  readonly notBefore: Date | undefined;
  readonly notAfter: Date | undefined;
  readonly renewalTime: Date | undefined;
  /** Of the request that gave what is there now. */
  readonly revision: number | undefined;
  readonly ready: Condition | undefined;
  readonly issuing: Condition | undefined;
  readonly failedAttempts: number;
  readonly lastFailureTime: Date | undefined;
  /** Secrets of the same namespace with the passwords of the keystores that are made too. */
  readonly keystorePasswords: readonly PasswordRef[];
}

export interface PasswordRef {
  readonly name: string;
  readonly key: string;
}

export function readCertificateState({ name, namespace = '', body }: KubeObject): CertificateState {
  const spec = dict(body['spec']);
  const status = dict(body['status']);
  const issuer = dict(spec['issuerRef']);
  const kind = text(issuer['kind']) ?? 'Issuer';
  const issuerName = text(issuer['name']) ?? '';
  const revision = status['revision'];
  const attempts = status['failedIssuanceAttempts'];
  const keystores = Object.values(dict(spec['keystores'])).map((one) => dict(dict(one)['passwordSecretRef']));
  return {
    namespace,
    name,
    secretName: text(spec['secretName']) ?? '',
    issuer: kind === 'Issuer' ? `${kind}/${namespace}/${issuerName}` : `${kind}/${issuerName}`,
    names: [
      ...new Set([
        ...textList(spec['dnsNames']),
        ...textList(spec['ipAddresses']),
        ...textList(spec['uris']),
        ...textList(spec['emailAddresses']),
        ...[text(spec['commonName'])].filter((one) => one !== undefined),
      ]),
    ],
    usages: textList(spec['usages']),
    isCa: spec['isCA'] === true,
    notBefore: instant(status['notBefore']),
    notAfter: instant(status['notAfter']),
    renewalTime: instant(status['renewalTime']),
    revision: typeof revision === 'number' ? revision : undefined,
    ready: conditionOf(status, 'Ready'),
    issuing: conditionOf(status, 'Issuing'),
    failedAttempts: typeof attempts === 'number' ? attempts : 0,
    lastFailureTime: instant(status['lastFailureTime']),
    keystorePasswords: keystores.flatMap((ref) => {
      const [secret, key] = [text(ref['name']), text(ref['key'])];
      return secret === undefined ? [] : [{ name: secret, key: key ?? 'password' }];
    }),
  };
}

/** By which Certificate a certificate is kept, and who issues it: labels of what it keeps. */
export function managedLabels({ namespace, name, issuer }: CertificateState): NonNullable<Item['labels']> {
  return { cert_manager_certificate: `${namespace}/${name}`, cert_manager_issuer: issuer };
}

/** An Issuer that cannot issue, and why; undefined for one that can, or that has had no time yet. */
export function issuerFault({ body }: KubeObject, now: number): string | undefined {
  const ready = conditionOf(dict(body['status']), 'Ready');
  if (ready === undefined || ready.isTrue || isRecent(ready.since, now)) return undefined;
  return said(ready);
}

/** How a certificate is renewed, by what cert-manager says of it. `issuerFaults` by the names of issuers. */
export function renewalOf(state: CertificateState, issuerFaults: ReadonlyMap<string, string>, now: number): Renewal {
  const stuck = stuckText(state, issuerFaults, now);
  return {
    mode: 'automatic',
    ...(state.renewalTime === undefined ? {} : { due: state.renewalTime }),
    ...(stuck === undefined ? {} : { stuck }),
  };
}

function stuckText(
  { name, namespace, issuer, ready, issuing, failedAttempts, lastFailureTime }: CertificateState,
  issuerFaults: ReadonlyMap<string, string>,
  now: number,
): string | undefined {
  const certificate = `Certificate ${namespace}/${name}`;
  const fault = issuerFaults.get(issuer);
  const because = fault === undefined ? '' : `; its ${issuer} is not ready: ${fault}`;
  if (failedAttempts > 0) {
    const last = lastFailureTime === undefined ? '' : `, the last at ${lastFailureTime.toISOString()}`;
    const why = issuing === undefined ? ready : issuing;
    return `${failedAttempts} attempts to issue ${certificate} failed${last}${why === undefined ? '' : `: ${said(why)}`}${because}`;
  }
  if (ready !== undefined && !ready.isTrue && !isRecent(ready.since, now)) {
    return `${certificate} is not ready: ${said(ready)}${because}`;
  }
  return fault === undefined ? undefined : `the ${issuer} of ${certificate} is not ready: ${fault}`;
}

function said({ reason, message }: Condition): string {
  return message === '' ? reason : `${reason}: ${message}`;
}

/** An instant ahead of us is one of a clock that is wrong, and says nothing. */
function isRecent(since: Date | undefined, now: number): boolean {
  if (since === undefined) return false;
  const age = now - since.getTime();
  return age >= -PATIENCE_MS && age < PATIENCE_MS;
}

function conditionOf(status: ReturnType<typeof dict>, type: string): Condition | undefined {
  const found = list(status['conditions'])
    .map(dict)
    .find((one) => one['type'] === type);
  if (found === undefined) return undefined;
  return {
    isTrue: found['status'] === 'True',
    reason: text(found['reason']) ?? 'no reason given',
    message: text(found['message']) ?? '',
    since: instant(found['lastTransitionTime']),
  };
}
