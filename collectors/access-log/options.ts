import { z } from 'zod';

import { durationOption } from '../../src/plugin/options.ts';
import { FIELDS } from './field.ts';
import { FORMATS } from './format.ts';

const MAX_PATHS = 100;
/** A million clients take 1.3 GB of memory. */
const MAX_CLIENTS = 1_000_000;

export const options = z.strictObject({
  format: z
    .enum(FORMATS)
    .describe('What writes the log: nginx, apache, haproxy, envoy, alb (connection logs of AWS), or json.'),
  paths: z
    .array(z.string().min(1))
    .min(1)
    .max(MAX_PATHS)
    .optional()
    .describe('Paths of the logs; rotated files beside them are found.'),
  s3: z
    .strictObject({
      bucket: z
        .string()
        .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the name of a bucket')
        .describe('Bucket with the logs.'),
      prefix: z
        .string()
        .max(1024)
        .default('')
        .describe(
          'What the keys begin with; {yyyy}, {mm} and {dd} stand for the day, so that old days are not listed.',
        ),
      region: z.string().min(1).describe('Region of the bucket, e.g. eu-west-1.'),
      profile: z.string().min(1).optional().describe('Profile of the AWS config files whose credentials are used.'),
      role_arn: z.string().min(1).optional().describe('Role that notafter assumes to read the bucket.'),
      endpoint: z
        .url({ protocol: /^https?$/ })
        .optional()
        .describe('Where S3 answers instead of at its public address.'),
    })
    .optional()
    .describe('Logs in S3 instead of files: plain objects, or .gz.'),
  log_format: z
    .string()
    .min(1)
    .max(8192)
    .optional()
    .describe(
      'The log format as it stands in the configuration of nginx (log_format), Apache (LogFormat), HAProxy (log-format) or Envoy (text_format). Default: the one that the README recommends.',
    ),
  fields: z
    .partialRecord(z.enum(FIELDS), z.string().min(1).max(256))
    .optional()
    .describe('For json: the keys of the lines, where they are called otherwise than the fields.'),
  path_segments: z
    .int()
    .min(0)
    .max(8)
    .default(2)
    .describe('How many segments of the path tell one API from another. Default 2: /v1/payments.'),
  successor_grace: durationOption(
    'How long a certificate must not have been used, since its successor was first, to count as replaced.',
    '24h',
  ),
  forget_after: durationOption('A client that was not seen for so long is forgotten.', '90d'),
  history: durationOption('How far back rotated files and objects are read at the first look.', '7d'),
  max_clients: z
    .int()
    .min(1)
    .max(MAX_CLIENTS)
    .default(100_000)
    .describe('Certificates that are kept of one log. More are counted and reported as not covered.'),
});

export type Options = z.output<typeof options>;
