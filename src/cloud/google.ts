import type { CollectorInstance, Known } from '../plugin/collector.ts';
import type { Context } from '../plugin/context.ts';
import { CollectError } from '../plugin/error.ts';
import type { Json } from '../plugin/json.ts';
import { type Fields, fieldsAt, listAt, textAt, textsAt } from './answer.ts';
import { googleAnswerError, googleLoginError } from './google-errors.ts';
import { openGoogleLogin } from './google-login.ts';
import type { GoogleOptions } from './google-options.ts';
import { type CloudPart, type CloudPlace, createCloudInstance } from './instance.ts';
import type { Listed } from './paging.ts';
import { openRest, type RestCall, type RestLook, type RestPage } from './rest.ts';
import type { Trial } from './trial.ts';

/** Quotas are per project and API, and all above this. */
const RATE = { perSecond: 5, concurrency: 4 };
const PAGE_SIZE = '500';

/** Folders that are opened to find projects; the tree is at most ten deep. */
const MAX_FOLDERS = 2000;

/** The APIs of Google that are asked. */
export type GoogleService =
  'certificatemanager' | 'cloudresourcemanager' | 'compute' | 'iam' | 'networksecurity' | 'privateca';

const NOTHING_KNOWN: Known = { version: () => undefined, checkpoint: undefined };

interface Project extends CloudPlace {
  readonly id: string;
  /** The config names it; else it was found in a folder or an organization. */
  readonly isNamed: boolean;
}

/** Google during one look at one project. */
export interface GoogleLook extends RestLook {
  readonly project: string;
  url(service: GoogleService, path: string, query?: Readonly<Record<string, string>>): string;
  /** A list, whose items are in the field of this name. Places that Google could not ask end it with `cut`. */
  list(
    call: RestCall,
    service: GoogleService,
    path: string,
    field: string,
    query?: Readonly<Record<string, string>>,
  ): AsyncGenerator<Listed<Fields>, void, undefined>;
  /** A list of Compute over all regions, global things included. */
  aggregated(call: RestCall, field: string): AsyncGenerator<Listed<Fields>, void, undefined>;
}

/** A collector for these parts in every project of the source. */
export async function createGoogleInstance(
  service: string,
  options: GoogleOptions,
  context: Context,
  parts: readonly CloudPart<GoogleLook>[],
): Promise<CollectorInstance> {
  const { projects = [], folders = [], organizations = [] } = options;
  if (projects.length + folders.length + organizations.length === 0) {
    throw new Error('name at least one of projects, folders and organizations');
  }
  const login = await openGoogleLogin(options.credentials_file, context);
  const named = projects.map((id) => toPlace(id, true));
  const parents = [...organizations.map((id) => `organizations/${id}`), ...folders.map((id) => `folders/${id}`)];
  function look(place: Project, here: string, known: Known, signal: AbortSignal, trial?: Trial): GoogleLook {
    const origins = new Set<string>(options.endpoint === undefined ? [] : [new URL(options.endpoint).origin]);
    const rest = openRest({
      here,
      on: place.text,
      limitKey: `google:${service}:${place.id}`,
      rate: RATE,
      known,
      context,
      signal,
      tags: options.tags,
      trial,
      origins: { has: (origin) => origins.has(origin) || /^https:\/\/[a-z]+\.googleapis\.com$/.test(origin) },
      headers: () => login.headers(),
      forget: () => {
        login.forget();
      },
      answerError: (answer, call, now) => googleAnswerError(answer, call, place.isNamed, now),
      loginError: googleLoginError,
    });
    return withLists(rest, place.id, options.endpoint);
  }

  return createCloudInstance<Project, GoogleLook>(
    service,
    {
      noun: 'projects',
      list: (signal) =>
        discover(named, parents, look({ ...toPlace('-', true), text: 'the organization' }, '', NOTHING_KNOWN, signal)),
      find: (key, data) =>
        named.find((place) => place.key === key) ?? (parents.length === 0 ? undefined : ofTarget(key, data)),
      look,
      // A token is all that was opened, and ends by itself.
      close: () => {},
    },
    parts,
  );
}

function toPlace(id: string, isNamed: boolean): Project {
  return { key: id, id, text: `the project ${id}`, isNamed, labels: { google_project: id }, data: { project: id } };
}

/** As it was discovered, perhaps by another node. */
function ofTarget(key: string, data: Json): Project | undefined {
  return textAt(data, 'project') === key ? toPlace(key, false) : undefined;
}

/** The projects that are named, and every active one below the parents (https://cloud.google.com/resource-manager/reference/rest/v3/projects/list). */
async function* discover(
  named: readonly Project[],
  parents: readonly string[],
  look: GoogleLook,
): AsyncGenerator<Project, void, undefined> {
  yield* named;
  const seen = new Set(named.map(({ id }) => id));
  const open = [...parents];
  for (let folder = 0; folder < open.length; folder++) {
    if (folder === MAX_FOLDERS) {
      throw new CollectError('partial', `only the first ${MAX_FOLDERS} folders were looked into: name fewer of them`);
    }
    const query = { parent: open[folder] ?? '' };
    const projects = look.list(
      { action: 'resourcemanager.projects.list' },
      'cloudresourcemanager',
      '/v3/projects',
      'projects',
      query,
    );
    for await (const page of projects) {
      if (page.kind === 'cut') throw page.error;
      for (const project of page.items) {
        const id = textAt(project, 'projectId');
        if (id === undefined || seen.has(id) || textAt(project, 'state') !== 'ACTIVE') continue;
        seen.add(id);
        yield toPlace(id, false);
      }
    }
    const folders = look.list(
      { action: 'resourcemanager.folders.list' },
      'cloudresourcemanager',
      '/v3/folders',
      'folders',
      query,
    );
    for await (const page of folders) {
      if (page.kind === 'cut') throw page.error;
      for (const below of page.items) {
        const name = textAt(below, 'name');
        if (name !== undefined && !open.includes(name)) open.push(name);
      }
    }
  }
}

function withLists(rest: RestLook, project: string, endpoint: string | undefined): GoogleLook {
  function url(service: GoogleService, path: string, query: Readonly<Record<string, string>> = {}): string {
    const base = endpoint?.replace(/\/+$/, '') ?? `https://${service}.googleapis.com`;
    const text = new URLSearchParams(query).toString();
    return `${base}${path}${text === '' ? '' : `?${text}`}`;
  }

  async function* pages(
    call: RestCall,
    urlOf: (token: string | undefined) => string,
    itemsOf: (answer: Fields) => readonly Fields[],
  ): AsyncGenerator<Listed<Fields>, void, undefined> {
    const unreached = new Set<string>();
    const read = (answer: Fields): RestPage => {
      for (const place of unreachableIn(answer)) unreached.add(place);
      return { items: itemsOf(answer), next: textAt(answer, 'nextPageToken') };
    };
    try {
      yield* rest.pages(call, urlOf, read);
    } catch (error) {
      if (!(error instanceof CollectError) || error.reason !== 'empty') throw error;
    }
    if (unreached.size > 0) {
      const error = new CollectError('partial', `${call.action}: Google could not ask ${[...unreached].join(', ')}`);
      yield { kind: 'cut', error };
    }
  }

  return {
    ...rest,
    project,
    url,
    list: (call, service, path, field, query = {}) =>
      pages(
        call,
        (token) =>
          url(service, path, { ...query, pageSize: PAGE_SIZE, ...(token === undefined ? {} : { pageToken: token }) }),
        (answer) => listAt(answer, field),
      ),
    aggregated: (call, field) =>
      pages(
        call,
        (token) =>
          url('compute', `/compute/v1/projects/${project}/aggregated/${field}`, {
            returnPartialSuccess: 'true',
            maxResults: PAGE_SIZE,
            ...(token === undefined ? {} : { pageToken: token }),
          }),
        (answer) => Object.values(fieldsAt(answer, 'items')).flatMap((scope) => listAt(scope, field)),
      ),
  };
}

/** Places that an answer leaves out, however the API says so. */
function unreachableIn(answer: Fields): readonly string[] {
  const warned = Object.entries(fieldsAt(answer, 'items')).flatMap(([scope, given]) =>
    textAt(given, 'warning', 'code') === 'UNREACHABLE' ? [scope] : [],
  );
  return [...textsAt(answer, 'unreachable'), ...textsAt(answer, 'unreachables'), ...warned];
}

/** What a resource is called, whatever the host and the project are called in a reference to it: `locations/global/trustConfigs/x`. */
export function relativeName(reference: string): string {
  return reference.replace(/^.*?projects\/[^/]+\//, '');
}
