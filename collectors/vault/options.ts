import { z } from 'zod';

import { durationOption, secretFields } from '../../src/plugin/options.ts';

const mountPath = z
  .string()
  .transform((path) => path.replace(/^\/+|\/+$/g, ''))
  .pipe(z.string().regex(/^[^\s/?#]+(?:\/[^\s/?#]+)*$/, 'the path of a mount, e.g. pki or team/pki'));

function loginMount(fallback: string): z.ZodDefault<typeof mountPath> {
  return mountPath.default(fallback).describe(`Where the method is mounted. Default \`${fallback}\`.`);
}

const auth = z.discriminatedUnion('method', [
  z.strictObject({
    method: z.literal('token').describe('With a token as it is.'),
    ...secretFields('token', 'The token. Default: VAULT_TOKEN, else BAO_TOKEN'),
  }),
  z.strictObject({
    method: z.literal('approle').describe('With a role id and a secret id.'),
    mount: loginMount('approle'),
    role_id: z.string().min(1).describe('The role id.'),
    ...secretFields('secret', 'The secret id'),
  }),
  z.strictObject({
    method: z.literal('kubernetes').describe('With the service account of the pod.'),
    mount: loginMount('kubernetes'),
    role: z.string().min(1).describe('The role.'),
    token_file: z
      .string()
      .min(1)
      .default('/var/run/secrets/kubernetes.io/serviceaccount/token')
      .describe('The token of the service account, read anew at each login.'),
  }),
  z.strictObject({
    method: z.literal('jwt').describe('With a JWT or OIDC token from a file.'),
    mount: loginMount('jwt'),
    role: z.string().min(1).describe('The role.'),
    token_file: z.string().min(1).describe('The JWT, read anew at each login.'),
  }),
]);

const mounts = z
  .array(mountPath)
  .refine((paths) => new Set(paths).size === paths.length, 'a mount is named twice')
  .optional();

export const options = z.strictObject({
  address: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where Vault or OpenBao answers. Default: VAULT_ADDR, else BAO_ADDR.'),
  namespace: z
    .string()
    .min(1)
    .optional()
    .describe('Namespace (Vault Enterprise, OpenBao). Default: VAULT_NAMESPACE, else BAO_NAMESPACE.'),
  ca_file: z
    .string()
    .min(1)
    .optional()
    .describe('The CA of the server, PEM. Default: VAULT_CACERT, else BAO_CACERT, else the usual roots.'),
  auth: auth.prefault({ method: 'token' }).describe('How to log in.'),
  mounts: mounts.describe('Mounts of the PKI secrets engine. Default: all that `sys/mounts` lists.'),
  auth_mounts: mounts.describe('Mounts of the certificate auth method. Default: all that `sys/auth` lists.'),
  ignore_lifetime_under: durationOption(
    'Certificates that live shorter are left out: what lives for hours is renewed by its program, and Vault keeps every one.',
    '2d',
  ),
  keep_ended: durationOption('How long a certificate that has ended without a successor is still told of.', '7d'),
});

export type Options = z.output<typeof options>;
export type Auth = Options['auth'];
