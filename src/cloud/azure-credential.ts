import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/identity';

import type { Context, SecretRef } from '../plugin/context.ts';
import { CollectError } from '../plugin/error.ts';
import { secretOf } from '../plugin/options.ts';
import { type AzureCloud, originsOf } from './azure-cloud.ts';

/** Who logs in at Azure, and in which of its clouds. */
export interface CredentialOptions {
  readonly cloud?: AzureCloud | undefined;
  readonly tenant_id?: string | undefined;
  readonly client_id?: string | undefined;
  readonly client_secret?: string | undefined;
  readonly client_secret_file?: string | undefined;
}

/**
 * The credential that these options describe: a service principal when its three parts are given, else
 * DefaultAzureCredential (environment, workload identity, managed identity, Azure CLI, …). Asks nobody yet. Throws an
 * Error when the service principal is described in part.
 */
export async function openAzureCredential(options: CredentialOptions, context: Context): Promise<TokenCredential> {
  const secret = secretOf({ ...options }, 'client_secret');
  const { cloud, tenant_id: tenantId, client_id: clientId } = options;
  // Without it AZURE_AUTHORITY_HOST of the environment decides.
  const authority = cloud === undefined ? {} : { authorityHost: originsOf(cloud).login };
  const azure = await import('@azure/identity');
  if (secret === undefined && tenantId === undefined && clientId === undefined) {
    return new azure.DefaultAzureCredential(authority);
  }
  if (secret === undefined || tenantId === undefined || clientId === undefined) {
    throw new Error(
      'a service principal needs all of tenant_id, client_id and client_secret_file; leave all of them out to use the identity of the environment',
    );
  }
  return rotating(secret, context, (value) => new azure.ClientSecretCredential(tenantId, clientId, value, authority));
}

/** A credential that follows its secret: when another is in the file, the next token is asked for with that one. */
function rotating(secret: SecretRef, context: Context, open: (value: string) => TokenCredential): TokenCredential {
  let current: { readonly value: string; readonly credential: TokenCredential } | undefined;
  return {
    async getToken(scopes: string | string[], options?: GetTokenOptions): Promise<AccessToken | null> {
      const value = await read(secret, context);
      if (current?.value !== value) current = { value, credential: open(value) };
      return current.credential.getToken(scopes, options);
    },
  };
}

async function read(secret: SecretRef, context: Context): Promise<string> {
  try {
    return await context.secret(secret);
  } catch (error) {
    throw new CollectError(
      'authentication_failed',
      error instanceof Error ? error.message : 'the client secret cannot be read',
      { cause: error },
    );
  }
}
