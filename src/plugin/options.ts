import { z } from 'zod';

import { parseDuration } from '../label/duration.ts';
import type { SecretRef } from './context.ts';

/**
 * A duration in the config (`15m`, `1h30m`, `7d`), given to the code in milliseconds. The input stays text in the JSON
 * Schema.
 */
export function durationOption(description: string, fallback?: string): z.ZodType<number, string | undefined> {
  const text = z
    .string()
    .superRefine((value, check) => {
      try {
        parseDuration(value);
      } catch (error) {
        check.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
      }
    })
    .describe(description);
  const withDefault = fallback === undefined ? text : text.default(fallback);
  return withDefault.transform((value) => parseDuration(value));
}

/**
 * Keys whose value is a secret. The config loader leaves `${NAME}` under such a key as it stands, so that the secret is
 * read from the environment at use and never lies in the validated config.
 */
export const SECRET_KEY = /(?:^|_)(?:password|token|secret|webhook_url|routing_key|api_key)$/;

const ENVIRONMENT_REFERENCE = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/;

/**
 * The two options by which a secret is given: `<name>: ${VARIABLE}` and `<name>_file: path`. A secret written into the
 * config itself is refused. At most one of the two may be set: `secretOf` says so.
 */
export function secretFields<Name extends string>(
  name: Name,
  description: string,
): Record<Name, z.ZodOptional<z.ZodString>> & Record<`${Name}_file`, z.ZodOptional<z.ZodString>> {
  if (!SECRET_KEY.test(name)) throw new Error(`the option ${name} is not named like a secret`);
  return {
    [name]: z
      .string()
      .regex(ENVIRONMENT_REFERENCE, {
        message: `a secret is not written into the config: use \${NAME} for an environment variable, or ${name}_file`,
      })
      .describe(`${description}, as \${NAME} of an environment variable`)
      .optional(),
    [`${name}_file`]: z.string().min(1).describe(`${description}, read from this file at each use`).optional(),
  } as Record<Name, z.ZodOptional<z.ZodString>> & Record<`${Name}_file`, z.ZodOptional<z.ZodString>>;
}

/** Where the secret `name` of these options is to be read; undefined when it is not given. Throws when it is given twice. */
export function secretOf(options: Readonly<Record<string, unknown>>, name: string): SecretRef | undefined {
  const direct = options[name];
  const file = options[`${name}_file`];
  if (direct !== undefined && file !== undefined) throw new Error(`give either ${name} or ${name}_file, not both`);
  if (typeof file === 'string') return { file };
  const variable = typeof direct === 'string' ? ENVIRONMENT_REFERENCE.exec(direct)?.[1] : undefined;
  return variable === undefined ? undefined : { env: variable };
}
