import type { Listener, LoadBalancer } from '@aws-sdk/client-elastic-load-balancing-v2';

import { createServerCertificates, type ServerCertificates } from '../../src/cloud/aws-certificates.ts';
import type { Held, HeldChain } from '../../src/cloud/held.ts';
import { listCut, problemOf } from '../../src/cloud/observation.ts';
import { readAll } from '../../src/cloud/paging.ts';
import type { Reference } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { type Elb, PAGE_SIZE } from './parts.ts';

/** Names of one listener that are kept: a certificate may have a hundred, and a listener 25 certificates. */
const MAX_NAMES = 500;

const SPEAKS_TLS: ReadonlySet<string | undefined> = new Set(['HTTPS', 'TLS']);

/** A listener that speaks TLS, and by what names clients reach it. */
export interface Listening {
  readonly arn: string;
  /** `host:port`, without repetitions. */
  readonly endpoints: readonly string[];
  /** The trust store that decides about its clients. */
  readonly trustStore?: string;
}

interface Observed {
  readonly listening: Listening;
  readonly observation: Observation;
}

/** Certificates by ARN are shared by all listeners of a look. */
const certificatesOf = new WeakMap<Elb, ServerCertificates>();

/** The listeners of a load balancer that speak TLS, with the certificates that they show. */
export async function* observeListeners(
  parts: Elb,
  balancer: LoadBalancer,
  names: readonly string[],
): AsyncGenerator<Observed, void, undefined> {
  const { look, elb, client, gaps } = parts;
  const { LoadBalancerArn, Type } = balancer;
  // A gateway load balancer passes packets on and terminates nothing.
  if (LoadBalancerArn === undefined || Type === 'gateway') return;
  const call = { action: 'elasticloadbalancing:DescribeListeners', of: LoadBalancerArn };
  const listeners = await readAll(
    look.pages(call, async (Marker, options) => {
      const command = new elb.DescribeListenersCommand({ LoadBalancerArn, Marker, PageSize: PAGE_SIZE });
      const answer = await client.send(command, options);
      return { items: answer.Listeners, next: answer.NextMarker };
    }),
    (error) => {
      // One that was deleted meanwhile has none.
      if (error.reason !== 'not_found') gaps.push(listCut('DescribeListeners', error));
    },
  );
  for (const listener of listeners) {
    if (listener.ListenerArn === undefined || !SPEAKS_TLS.has(listener.Protocol)) continue;
    yield observeListener(parts, balancer, listener, listener.ListenerArn, names);
  }
}

async function observeListener(
  parts: Elb,
  { DNSName: host }: LoadBalancer,
  listener: Listener,
  arn: string,
  names: readonly string[],
): Promise<Observed> {
  const port = listener.Port ?? 443;
  const certificates = certificatesOf.get(parts) ?? createServerCertificates(parts.look);
  certificatesOf.set(parts, certificates);
  const usedBy: readonly Reference[] = host === undefined ? [] : [{ type: 'endpoint', id: `${host}:${port}` }];
  const problems: Problem[] = [];
  const shown: (Held & Pick<HeldChain, 'leaf'>)[] = [];
  for (const certificate of await arnsOf(parts, listener, arn, problems)) {
    // By the certificate and not by its rank: places are stable.
    shown.push(await certificates.at(certificate, { role: 'server', usedBy }, `${nameOf(certificate)}/`));
  }
  const { MutualAuthentication: mutual } = listener;
  const trustStore = mutual?.Mode === 'verify' ? mutual.TrustStoreArn : undefined;
  const known = shown.flatMap(({ leaf }) => leaf?.dnsNames.filter((name) => !name.startsWith('*')) ?? []);
  const hosts = new Set([...(host === undefined ? [] : [host]), ...names, ...known.slice(0, MAX_NAMES)]);
  return {
    listening: {
      arn,
      endpoints: [...hosts].map((name) => (/:\d+$/.test(name) ? name : `${name}:${port}`)),
      ...(trustStore === undefined ? {} : { trustStore }),
    },
    observation: {
      location: arn,
      items: shown.flatMap(({ items }) => items),
      problems: [...problems, ...shown.flatMap((held) => held.problems)],
    },
  };
}

/** The default certificate, then those that are chosen by the name that the client asks for. */
async function arnsOf(
  { look, elb, client }: Elb,
  { Certificates: defaults = [] }: Listener,
  ListenerArn: string,
  problems: Problem[],
): Promise<ReadonlySet<string>> {
  const call = { action: 'elasticloadbalancing:DescribeListenerCertificates', of: ListenerArn };
  const listed = await readAll(
    look.pages(call, async (Marker, options) => {
      const command = new elb.DescribeListenerCertificatesCommand({ ListenerArn, Marker, PageSize: PAGE_SIZE });
      const answer = await client.send(command, options);
      return { items: answer.Certificates, next: answer.NextMarker };
    }),
    (error) => problems.push(problemOf('DescribeListenerCertificates', error)),
  );
  return new Set([...defaults, ...listed].flatMap(({ CertificateArn: arn }) => (arn === undefined ? [] : [arn])));
}

/** The last part of an ARN. */
function nameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}
