import { z } from 'zod';

const PROJECT = /^[a-z][a-z0-9-]{4,28}[a-z0-9]$|^\d+$/;
const NUMBER = /^\d+$/;

/** A source may look into this many; an organisation with more has several sources. */
const MAX_LISTED = 1000;

function listOf(form: RegExp, what: string) {
  return z
    .array(z.string().regex(form, what))
    .min(1)
    .max(MAX_LISTED)
    .refine((ids) => new Set(ids).size === ids.length, 'one is named twice')
    .optional();
}

/** Options of every collector for Google Cloud. */
export const googleOptions = {
  projects: listOf(PROJECT, 'the id of a project, e.g. my-project-123').describe(
    'Ids of the projects to look at. At least one of `projects`, `folders` and `organizations` is needed.',
  ),
  folders: listOf(NUMBER, 'the number of a folder').describe(
    'Numbers of folders: every active project in them, and in the folders below, is looked at.',
  ),
  organizations: listOf(NUMBER, 'the number of an organization').describe(
    'Numbers of organizations: every active project in them is looked at.',
  ),
  credentials_file: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File with the key of a service account, or with the configuration of workload identity federation. Default: the usual chain of Google: GOOGLE_APPLICATION_CREDENTIALS, gcloud, the metadata server.',
    ),
  tags: z
    .array(z.string().min(1).max(63))
    .max(50)
    .default(['owner'])
    .describe('Labels of Google that become labels here. Default [owner]; [] reads none.'),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Where Google answers instead of at its public addresses, for all that this source asks: a gateway, a test.',
    ),
};

/** What the options say. */
export interface GoogleOptions {
  readonly projects?: readonly string[] | undefined;
  readonly folders?: readonly string[] | undefined;
  readonly organizations?: readonly string[] | undefined;
  readonly credentials_file?: string | undefined;
  readonly tags: readonly string[];
  readonly endpoint?: string | undefined;
}
