import { type FakeRest, googleList } from '../../helpers/fake-rest.ts';

export const PROJECT = 'my-project-1';
/** Where the things of the project lie. */
export const AT = `projects/${PROJECT}/locations/global`;
/** The path of its lists. */
export const LIST = `/v1/projects/${PROJECT}/locations/-`;

/** A project in which there is nothing. */
export function serve(fake: FakeRest): void {
  for (const field of [
    'certificates',
    'trustConfigs',
    'certificateMaps',
    'serverTlsPolicies',
    'backendAuthenticationConfigs',
  ]) {
    fake.routes.set(`${LIST}/${field}`, googleList(fake, field, []));
  }
  for (const field of ['targetHttpsProxies', 'targetSslProxies', 'urlMaps', 'forwardingRules']) {
    setCompute(fake, field, []);
  }
}

/** The only page of a list of Compute. */
export function setCompute(fake: FakeRest, field: string, items: readonly object[]): void {
  fake.routes.set(`/compute/v1/projects/${PROJECT}/aggregated/${field}`, () => ({
    items: {
      global: { [field]: items },
      'regions/europe-west1': { warning: { code: 'NO_RESULTS_ON_PAGE' } },
    },
  }));
}
