import type { DescribeDomainConfigurationResponse } from '@aws-sdk/client-iot';

import type { AwsLook } from '../../src/cloud/aws.ts';
import { createServerCertificates, type ServerCertificates } from '../../src/cloud/aws-certificates.ts';
import type { Held } from '../../src/cloud/held.ts';
import { attempt, gone, listCut, missingFrom, problemOf } from '../../src/cloud/observation.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Reference } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { PAGE_SIZE, type IotModule } from './endpoint.ts';

/** The names by which devices reach IoT Core, with the certificates that it shows there. */
export async function* observeDomains(look: AwsLook, iot: IotModule): AsyncGenerator<Observation, void, undefined> {
  const client = look.client(iot.IoTClient);
  const gaps: Problem[] = [];
  const certificates = createServerCertificates(look);
  const pages = look.pages({ action: 'iot:ListDomainConfigurations' }, async (marker, options) => {
    const page = await client.send(new iot.ListDomainConfigurationsCommand({ marker, pageSize: PAGE_SIZE }), options);
    return { items: page.domainConfigurations, next: page.nextMarker };
  });
  for await (const page of pages) {
    if (page.kind === 'cut') {
      gaps.push(listCut('ListDomainConfigurations', page.error));
      continue;
    }
    for (const { domainConfigurationArn: location, domainConfigurationName } of page.items) {
      if (location === undefined || domainConfigurationName === undefined) continue;
      const call = { action: 'iot:DescribeDomainConfiguration', of: location };
      const command = new iot.DescribeDomainConfigurationCommand({ domainConfigurationName });
      const answer = await attempt(look.call(call, (options) => client.send(command, options)));
      if (!(answer instanceof CollectError)) yield* observeDomain(location, answer, certificates);
      else if (answer.reason === 'not_found') yield gone(location);
      else yield { location, items: [], problems: [problemOf('certificate', answer)] };
    }
  }
  yield* missingFrom(look.here, gaps);
}

async function* observeDomain(
  location: string,
  domain: DescribeDomainConfigurationResponse,
  certificates: ServerCertificates,
): AsyncGenerator<Observation, void, undefined> {
  const { domainName, serverCertificates = [] } = domain;
  // What AWS manages has no certificate here.
  if (serverCertificates.length === 0) return;
  const usedBy: readonly Reference[] =
    domainName === undefined
      ? []
      : [
          { type: 'endpoint', id: `${domainName}:8883` },
          { type: 'endpoint', id: `${domainName}:443` },
        ];
  const held: Held[] = [];
  for (const one of serverCertificates) {
    const { serverCertificateArn: arn, serverCertificateStatus: status, serverCertificateStatusDetail: detail } = one;
    if (arn === undefined) continue;
    const remarks = status === 'INVALID' ? { remarks: [`IoT Core does not take it: ${detail ?? status}`] } : {};
    const prefix = `${arn.slice(arn.lastIndexOf('/') + 1)}/`;
    held.push(await certificates.at(arn, { role: 'server', usedBy, ...remarks }, prefix));
  }
  yield {
    location,
    items: held.flatMap(({ items }) => items),
    problems: held.flatMap(({ problems }) => problems),
  };
}
