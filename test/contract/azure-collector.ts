import type { Collector } from '../../src/plugin/collector.ts';
import type { Observation } from '../../src/plugin/observation.ts';
import { armList, type FakeRest, useFakeRest } from '../helpers/fake-rest.ts';
import { armDenied, describeRestList, lookAt } from './rest-collector.ts';

export const SUBSCRIPTION = '0f1e2d3c-0000-4000-8000-000000000001';

/** The path of the list of a type in the subscription. */
export function listPath(type: string): string {
  return `/subscriptions/${SUBSCRIPTION}/providers/${type}`;
}

/** The id of a resource of a type. */
export function resourceOf(type: string, name: string): string {
  return `/subscriptions/${SUBSCRIPTION}/resourceGroups/web/providers/${type}/${name}`;
}

/** What is read along with a type of resource; empty lists do. */
export interface Beside {
  /** Behind the key of the subscription in that of the target. */
  readonly part?: string;
  /** Paths of lists of the subscription. */
  readonly lists?: readonly string[];
  /** Names of lists below each resource. */
  readonly below?: readonly string[];
}

/** What the list of a type of resource promises about what may go wrong with it. */
export function describeAzureList(collector: Collector, type: string, beside: Beside = {}): void {
  const { part = '', lists = [], below = [] } = beside;
  describeRestList(
    collector,
    { subscriptions: [SUBSCRIPTION] },
    {
      target: `${SUBSCRIPTION}${part}`,
      path: listPath(type),
      pageParameter: '$skiptoken',
      denied: armDenied(`${type}/read`),
      remedy: `${type}/read over /subscriptions/1 is missing. Assign the role Reader`,
      fill: (fake) => {
        const ids = ['one', 'two', 'three'].map((name) => resourceOf(type, name));
        fake.routes.set(
          listPath(type),
          armList(
            fake,
            ids.map((id) => ({ id, properties: {} })),
          ),
        );
        for (const list of lists) fake.routes.set(listPath(list), armList(fake, []));
        for (const id of ids) for (const list of below) fake.routes.set(`${id}/${list}`, armList(fake, []));
        return ids.slice(0, 1);
      },
    },
  );
}

/** Resource Manager with resources of one type, and the collector that looks at it. */
export interface AzureStage {
  readonly fake: FakeRest;
  look(options?: object): Promise<Observation[]>;
  set(...resources: readonly object[]): void;
  /** The resource `one` alone. */
  setOne(properties: object, more?: object): void;
}

/** For every test of a suite: a stage that knows nothing of the test before. */
export function useAzureStage(collector: Collector, type: string, part = ''): AzureStage {
  const fake = useFakeRest();
  const set: AzureStage['set'] = (...resources) => {
    fake.routes.set(listPath(type), armList(fake, resources));
  };
  return {
    fake,
    set,
    look: (options = {}) =>
      lookAt(
        collector,
        { subscriptions: [SUBSCRIPTION], endpoint: fake.url, ...options },
        { key: `${SUBSCRIPTION}${part}` },
      ),
    setOne: (properties, more = {}) => {
      set({ id: resourceOf(type, 'one'), name: 'one', properties, ...more });
    },
  };
}
