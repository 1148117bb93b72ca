import { randomBytes } from 'node:crypto';

import { certificateIn } from './certificate/certificate.ts';
import type { Config } from './config/config.ts';
import { isLoopback } from './config/web-section.ts';
import type { Location } from './inventory/model.ts';
import { locationsAround, type AroundParts } from './look/around.ts';
import { emptySurvey, takeSurvey, type Survey, type SurveyParts } from './look/surveying.ts';
import type { Alert } from './notify/model.ts';
import type { Context } from './plugin/context.ts';
import type { Logger } from './plugin/logger.ts';
import type { Store } from './store/store.ts';
import { createGate, type Gate } from './web/access/gate.ts';
import { createLatest, type Latest } from './web/latest.ts';

export interface Surveys extends Latest<Survey> {
  /** Makes the first one, so that it is there when somebody asks. */
  start(): void;
  /** Gives up what is under way. */
  stop(): void;
}

/** What only a pass over everything tells, kept while it is good enough. `parts`: as they are at that moment. */
export function createSurveys(
  parts: () => {
    readonly store: Pick<Store, 'inventory' | 'catalogue'>;
    readonly config: Config;
    readonly view: SurveyParts['view'];
    readonly now: number;
  },
  clock: { now(): number },
  log: Logger,
): Surveys {
  const stopping = new AbortController();
  const { signal } = stopping;
  const onError = (error: unknown): void => {
    if (!signal.aborted) log.error({ error }, 'a survey failed; the one before it stays');
  };
  const latest = createLatest<Survey>({
    make(onPart) {
      const { store, config, view, now } = parts();
      const { inventory, catalogue } = store;
      const sources = config.sources.map(({ name }) => name);
      return takeSurvey({ inventory, catalogue, view, policy: config.policy, sources, now, signal, onPart });
    },
    nothing: () => emptySurvey(parts().now),
    isMore: (part, old) => part.read > old.read,
    clock,
    onError,
  });
  return {
    ...latest,
    start: () => void latest.get(),
    stop: () => stopping.abort(),
  };
}

/** Lets in over HTTP whom the config lets in, as it is at that moment. */
export function openGate(config: () => Config, context: Pick<Context, 'secret'>, log: Logger): Gate {
  return createGate({
    options() {
      const { web, externalUrl } = config();
      return {
        users: web.users,
        tokens: web.tokens.map(({ name, scope, secret }) => ({ name, scope, read: () => context.secret(secret) })),
        hosts: web.hosts,
        externalUrl,
        isLoopback: isLoopback(web.host),
        hasClientCertificates: web.tls?.clientAuthorityFile !== undefined,
        clientNames: web.tls?.clientNames ?? [],
        rate: web.rate,
      };
    },
    now: () => performance.now(),
    secret: randomBytes(32),
    namesOf: (der) => certificateIn(der)?.names ?? [],
    log,
  });
}

/** What the runbook of an alert rests on. */
export function around(
  parts: Omit<AroundParts, 'logins'>,
  surveys: Latest<Survey>,
): (alert: Alert) => Promise<readonly Location[]> {
  return (alert) =>
    locationsAround(alert, {
      ...parts,
      async logins() {
        const { clients } = (await surveys.get()).value;
        return [...clients.certain, ...clients.possible];
      },
    });
}
