import { z } from 'zod';

import { durationOption, secretFields } from '../../src/plugin/options.ts';
import { RESOURCE_NAMES, RESOURCES } from './resource.ts';

const NAMESPACE = z.string().regex(/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/, 'the name of a namespace');

/** Keys of a Secret or ConfigMap that promise certificates. */
export const CERTIFICATE_KEYS: readonly string[] = [
  '*.crt',
  '*.cer',
  '*.pem',
  '*.p12',
  '*.pfx',
  '*.jks',
  '*.p7b',
  '*.crl',
  'keystore*',
  'truststore*',
  '*ca-bundle*',
];

const otherSecrets = z
  .strictObject({
    match: z
      .string()
      .regex(/^[^/]+\/[^/]+$/, 'a pattern `namespace/name`')
      .describe('Which Secrets: a pattern `namespace/name`, such as `shop/*` or `*/*-keystore`.'),
    type: z
      .string()
      .min(1)
      .default('Opaque')
      .refine((type) => type !== 'kubernetes.io/tls', 'those are read in any case')
      .describe('Their type. Others are not asked for.'),
    keys: z
      .array(z.string().min(1))
      .min(1)
      .default([...CERTIFICATE_KEYS])
      .describe('Which of their keys are read, by pattern. What lies at other keys is not looked at.'),
    password_secret: z
      .strictObject({
        name: z.string().min(1).describe('The name of a Secret in the same namespace.'),
        key: z.string().min(1).describe('Its key with the password.'),
      })
      .optional()
      .describe(
        'Where the password of their keystores lies. Passwords in the same Secret (keys that say `password`) are tried in any case.',
      ),
    ...secretFields('password', 'Passwords to try on their keystores, one a line'),
  })
  .refine((given) => given.password === undefined || given.password_file === undefined, {
    message: 'give either password or password_file',
    path: ['password_file'],
  });

export const options = z
  .strictObject({
    kubeconfig: z
      .string()
      .min(1)
      .optional()
      .describe(
        'A kubeconfig file. Default: the service account of the pod; outside of a cluster KUBECONFIG, else ~/.kube/config.',
      ),
    contexts: z
      .array(z.string().min(1))
      .min(1)
      .refine((contexts) => new Set(contexts).size === contexts.length, 'a context is named twice')
      .optional()
      .describe(
        'Contexts of the kubeconfig, a cluster each; locations begin with their names. Default: the current context alone.',
      ),
    server: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('URL of an API server to log in to with `token_file`, instead of a kubeconfig.'),
    token_file: z.string().min(1).optional().describe('With `server`: a bearer token, read anew at each request.'),
    ca_file: z
      .string()
      .min(1)
      .optional()
      .describe('With `server`: the CA of the API server. Default: the usual roots.'),
    namespaces: z
      .array(NAMESPACE)
      .max(1_000)
      .refine((namespaces) => new Set(namespaces).size === namespaces.length, 'a namespace is named twice')
      .default([])
      .describe('Look into these alone, so that a Role in each is enough. Default: all, which takes a ClusterRole.'),
    exclude_namespaces: z
      .array(z.string().min(1))
      .max(1_000)
      .default([])
      .describe('Namespaces to pass by, by pattern.'),
    secrets: z
      .enum(['read', 'none'])
      .default('read')
      .describe(
        '`read`: Secrets of the type kubernetes.io/tls, and `other_secrets`. `none`: no Secret is ever asked for; what cert-manager says of its certificates is taken instead.',
      ),
    other_secrets: z
      .array(otherSecrets)
      .max(100)
      .default([])
      .describe('Secrets of other types that hold certificates or keystores.'),
    skip: z
      .array(z.enum(RESOURCE_NAMES))
      .default([])
      .describe('Resources not to look at. With `namespaces`, what belongs to no namespace is skipped in any case.'),
    owner_from: z
      .array(z.string().min(1))
      .max(20)
      .default(['notafter.io/owner', 'owner', 'team'])
      .describe('Labels and annotations whose first value becomes the label `owner`; the namespace may have it too.'),
    labels_from: z
      .array(z.string().min(1).max(317))
      .max(20)
      .default([])
      .describe(
        'Labels of the objects that what is found bears as well, with `_` for what a label name of Prometheus cannot have: `app.kubernetes.io/name` becomes `app_kubernetes_io_name`.',
      ),
    watch: z
      .boolean()
      .default(false)
      .describe('Whether a change is looked at within seconds as well, and not on schedule alone (`notafter run`).'),
    timeout: durationOption('Deadline of one page of a list.', '60s'),
  })
  .superRefine((given, check) => {
    if (given.server !== undefined && (given.kubeconfig !== undefined || given.contexts !== undefined)) {
      check.addIssue({ code: 'custom', path: ['server'], message: 'give either server or kubeconfig' });
    }
    if (given.server === undefined && (given.token_file !== undefined || given.ca_file !== undefined)) {
      check.addIssue({ code: 'custom', path: ['server'], message: 'token_file and ca_file belong to a server' });
    }
    if (given.secrets === 'none' && given.other_secrets.length > 0) {
      check.addIssue({ code: 'custom', path: ['other_secrets'], message: 'with secrets: none, no Secret is read' });
    }
    const isWholeCluster = given.namespaces.length === 0;
    const left = RESOURCES.filter(
      ({ name, scope }) =>
        !given.skip.includes(name) &&
        (isWholeCluster || scope === 'namespace') &&
        (name !== 'secrets' || given.secrets === 'read'),
    );
    if (left.length === 0) check.addIssue({ code: 'custom', path: ['skip'], message: 'nothing is left to look at' });
  });

export type Options = z.output<typeof options>;
export type OtherSecrets = Options['other_secrets'][number];
