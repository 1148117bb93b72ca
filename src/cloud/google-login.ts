import type { AuthClient, ExternalAccountClientOptions } from 'google-auth-library';

import type { Context } from '../plugin/context.ts';
import { CollectError } from '../plugin/error.ts';
import { textAt } from './answer.ts';

/** Enough to list and to read, and nothing else. */
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform.read-only';

/** What makes the headers that a request to Google carries. */
export interface GoogleLogin {
  /** Asks for a token when there is none, or when it is about to end. Throws what the library throws. */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** The token was not accepted: the next one is another, from credentials that are read anew. */
  forget(): void;
}

/** The library, which follows nobody. */
let loading: Promise<typeof import('google-auth-library')> | undefined;

/**
 * Who gives tokens is named by the credentials or by the machine, and sends nobody elsewhere. The library would follow, to
 * any address, and where the new place is a URL with a user it throws outside of its promises, which ends the process. Its
 * clients make clients of their own, so that no option reaches them all: every request of theirs passes here.
 */
function loadLibrary(): Promise<typeof import('google-auth-library')> {
  loading ??= import('google-auth-library').then((library) => {
    const { prototype } = library.gaxios.Gaxios;
    const { request } = prototype;
    prototype.request = function withoutRedirects(this: typeof prototype, options) {
      return request.call(this, { ...options, redirect: 'error' });
    } as typeof request;
    return library;
  });
  return loading;
}

/** Opens a login by a file with credentials, else by the usual chain of Google. Asks nobody yet. */
export async function openGoogleLogin(file: string | undefined, context: Context): Promise<GoogleLogin> {
  const library = await loadLibrary();
  let client: Pick<AuthClient, 'getRequestHeaders'> | undefined;

  async function open(): Promise<Pick<AuthClient, 'getRequestHeaders'>> {
    // Without a project the library starts gcloud to find one, for seconds; nothing here needs it.
    if (file === undefined) return new library.GoogleAuth({ scopes: [SCOPE], projectId: 'none' });
    const credentials = await readCredentials(file, context);
    switch (textAt(credentials, 'type')) {
      case 'service_account':
        return new library.JWT({
          email: textAt(credentials, 'client_email') ?? '',
          key: textAt(credentials, 'private_key') ?? '',
          scopes: [SCOPE],
        });
      case 'external_account': {
        const external = library.ExternalAccountClient.fromJSON(credentials as unknown as ExternalAccountClientOptions);
        if (external === null) break;
        external.scopes = [SCOPE];
        return external;
      }
      case undefined:
      default:
        break;
    }
    throw new CollectError(
      'authentication_failed',
      `${file} is neither the key of a service account nor a configuration of workload identity federation`,
    );
  }

  return {
    async headers() {
      client ??= await open();
      return Object.fromEntries((await client.getRequestHeaders()).entries());
    },
    forget() {
      client = undefined;
    },
  };
}

async function readCredentials(file: string, context: Context): Promise<object> {
  let text: string;
  try {
    text = await context.secret({ file });
  } catch (error) {
    const said = error instanceof Error ? error.message : `${file} cannot be read`;
    throw new CollectError('authentication_failed', said, { cause: error });
  }
  try {
    const credentials: unknown = JSON.parse(text);
    if (typeof credentials === 'object' && credentials !== null) return credentials;
  } catch {
    // The text of the error would quote the file.
  }
  throw new CollectError('authentication_failed', `${file} holds no JSON object`);
}
