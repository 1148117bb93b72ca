import { awsFault, awsJson, type FakeAws } from '../fake-aws.ts';
import { epochSeconds, pageOf } from './page.ts';

const PREFIX = 'arn:aws:iot:eu-west-1:111122223333';
export const caArn = (id: string): string => `${PREFIX}:cacert/${id}`;
export const deviceArn = (id: string): string => `${PREFIX}:cert/${id}`;
export const domainArn = (name: string): string => `${PREFIX}:domainconfiguration/${name}/1`;

export interface FakeIot {
  endpoint: string;
  authorities: { id: string; pem: string; status?: string }[];
  devices: { id: string; pem?: string; status?: string; notAfter?: Date }[];
  domains: { name: string; domain?: string; certificates?: { arn: string; status?: string; detail?: string }[] }[];
}

export function serveIot(aws: FakeAws): FakeIot {
  const iot: FakeIot = {
    endpoint: 'a1-ats.iot.eu-west-1.amazonaws.com',
    authorities: [],
    devices: [],
    domains: [],
  };
  aws.services.set('iot', ({ operation, query }) => {
    const page = <T>(all: readonly T[]) => pageOf(all, query.get('marker'), aws.pageSize);
    switch (operation) {
      case 'GET /endpoint':
        return awsJson({ endpointAddress: iot.endpoint });
      case 'GET /cacertificates': {
        const { items, next } = page(iot.authorities);
        return awsJson({
          certificates: items.map(({ id, status = 'ACTIVE' }) => ({
            certificateId: id,
            certificateArn: caArn(id),
            status,
          })),
          nextMarker: next,
        });
      }
      case 'GET /certificates': {
        const { items, next } = page(iot.devices);
        return awsJson({
          certificates: items.map(({ id, status = 'ACTIVE' }) => ({
            certificateId: id,
            certificateArn: deviceArn(id),
            status,
          })),
          nextMarker: next,
        });
      }
      case 'GET /domainConfigurations': {
        const { items, next } = page(iot.domains);
        return awsJson({
          domainConfigurations: items.map(({ name }) => ({
            domainConfigurationName: name,
            domainConfigurationArn: domainArn(name),
          })),
          nextMarker: next,
        });
      }
    }
    const [, kind, id] = /^GET \/(cacertificate|certificates|domainConfigurations)\/([^/]+)$/.exec(operation) ?? [];
    const authority = kind === 'cacertificate' ? iot.authorities.find((one) => one.id === id) : undefined;
    const device = kind === 'certificates' ? iot.devices.find((one) => one.id === id) : undefined;
    const domain = kind === 'domainConfigurations' ? iot.domains.find((one) => one.name === id) : undefined;
    if (authority !== undefined) return awsJson({ certificateDescription: { certificatePem: authority.pem } });
    if (device !== undefined) {
      const { pem, notAfter } = device;
      const validity = notAfter === undefined ? undefined : { notAfter: epochSeconds(notAfter) };
      return awsJson({ certificateDescription: { certificatePem: pem, validity } });
    }
    if (domain !== undefined) {
      return awsJson({
        domainName: domain.domain,
        serverCertificates: (domain.certificates ?? []).map(({ arn, status = 'VALID', detail }) => ({
          serverCertificateArn: arn,
          serverCertificateStatus: status,
          serverCertificateStatusDetail: detail,
        })),
      });
    }
    return awsFault(404, 'ResourceNotFoundException', operation);
  });
  return iot;
}
