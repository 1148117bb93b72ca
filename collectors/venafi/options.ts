import { z } from 'zod';

import { secretFields } from '../../src/plugin/options.ts';

const url = z
  .url({ protocol: /^https?$/ })
  .refine((text) => !/^[a-z]+:\/\/[^/?#]*@/i.test(text), 'a login is not written into the URL');

export const options = z.strictObject({
  saas: z
    .strictObject({
      url: url
        .default('https://api.venafi.cloud')
        .describe(
          'Where the API of your region answers, e.g. https://api.venafi.eu. Default https://api.venafi.cloud.',
        ),
      ...secretFields('api_key', 'API key of a user or a service account'),
    })
    .optional()
    .describe('CyberArk Certificate Manager, SaaS (TLS Protect Cloud).'),
  self_hosted: z
    .strictObject({
      url: url.describe('Where the platform answers, e.g. https://tpp.example.com; without /vedsdk.'),
      client_id: z.string().min(1).default('notafter').describe('Id of the API integration. Default notafter.'),
      username: z.string().min(1).optional().describe('User to log in as.'),
      ...secretFields('password', 'Password of the user'),
      ...secretFields('access_token', 'An access token, instead of a user'),
      policy: z
        .string()
        .regex(/^\\VED\\/i, String.raw`the DN of a folder, e.g. \VED\Policy\Certificates`)
        .default(String.raw`\VED\Policy`)
        .describe(String.raw`Folder below which certificates are looked at. Default \VED\Policy: all.`),
      ca_file: z
        .string()
        .min(1)
        .optional()
        .describe('PEM file with the CAs by which the platform is judged. Default: those of the system.'),
    })
    .optional()
    .describe('CyberArk Certificate Manager, self-hosted (Trust Protection Platform).'),
});

export type Options = z.output<typeof options>;
export type SaasOptions = NonNullable<Options['saas']>;
export type SelfHostedOptions = NonNullable<Options['self_hosted']>;
