/** What a request says of the page that made it. */
export interface Provenance {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
  readonly contentType: string | undefined;
}

/** What a form of any page can send without being asked first (CORS: a simple request). */
const SIMPLE_TYPES = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'];

/**
 * Whether a request that changes something was made by a page of ours, or by no page. What a form of a strange page could
 * send as well has to prove that it is ours, by its Origin or by Sec-Fetch-Site.
 */
export function isOwnOrigin(request: Provenance, externalOrigin: string | undefined): boolean {
  const { method, host, origin, fetchSite, contentType = '' } = request;
  if (method === 'GET' || method === 'HEAD') return true;
  if (fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none') return false;
  if (origin !== undefined) return originHost(origin) === host || origin === externalOrigin;
  const isSimple = SIMPLE_TYPES.some((type) => contentType.toLowerCase().startsWith(type));
  return !isSimple || fetchSite === 'same-origin';
}

function originHost(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}
