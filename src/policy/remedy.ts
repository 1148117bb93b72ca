import type { Location } from '../inventory/model.ts';
import type { Reason } from '../plugin/reason.ts';
import { reachOf } from './commands.ts';
import { quote } from '../text/shell.ts';
import { placeName } from './wording.ts';

/** What to do about a look that failed for this reason. */
export function remedy(reason: Reason, location: Location): string {
  const place = placeName(location);
  switch (reason) {
    case 'dns':
      return `See whether the name resolves where notafter runs${withHost(location, (host) => `: getent ahosts ${host}`)}; if the name is dead for good, take it out of the config and out of the next certificate`;
    case 'refused':
      return `Nothing listens on the port: see whether the server runs, and whether the port is still the right one${dial(location)}`;
    case 'unreachable':
    case 'timeout':
      return `See whether the host is up, and whether a firewall stands between it and notafter${dial(location)}`;
    case 'reset':
    case 'closed':
      return 'See the log of the server, and of any proxy or load balancer before it: one of them hung up';
    case 'tls_alert':
      return 'See the log of the server: it refused the handshake. An alert 45 (certificate_expired) means one that it checks, its own CRL included, has ended';
    case 'tls_error':
      return 'Compare what the server speaks with what notafter speaks (TLS 1.2 and 1.3); the detail names the step that failed';
    case 'not_tls':
      return 'The port answers, but not in TLS: see whether the port is right; a protocol that begins in the clear and changes to TLS later needs its scheme in the target (smtp://…, postgres://…)';
    case 'tls_not_offered':
      return 'Switch TLS on in the server: it answers in its own protocol and offers none, so clients talk to it in the clear or not at all';
    case 'injected':
      return 'See what stands between notafter and the server: bytes that arrive in the clear after the change to TLS was agreed are a fault of the server, or an attack (CVE-2011-0411)';
    case 'service_error':
      return "See the status page of the service; it failed on its own side, and notafter tries again at the source's next round";
    case 'not_found':
      return `${place} does not exist: correct the path or the name in the config, or restore what was there`;
    case 'malformed':
      return `Restore ${place} from where it is made: what is there breaks its format, and whatever loads it next may fail too`;
    case 'empty':
      return `${place} is empty: a write was cut short, or the disk was full. Restore it from where it is made`;
    case 'wrong_password':
      return `Give the source the password of ${place} (password_file); if the password is right, the file is damaged: restore it`;
    case 'unsupported':
      return `notafter knows the format of ${place} but cannot read it: convert it (PKCS#12 or PEM), or watch what it holds somewhere else`;
    case 'too_large':
      return `${place} is larger than notafter reads: take it out of the source, or divide it`;
    case 'too_costly':
      return `Export ${place} anew with fewer rounds of key derivation (2 048 to 600 000 are usual), or put its certificates beside it as PEM`;
    case 'permission_denied':
      return `Let notafter read ${place}: for a file, read permission for its user and search permission on every folder above; for a service, the rights that the collector's README names`;
    case 'authentication_failed':
      return "The credentials of the source were not accepted: renew them, and see that notafter's environment or files hold the new ones";
    case 'throttled':
      return 'The service asks for fewer calls: look at the source less often, or raise the quota';
    case 'partial':
      return 'A list could not be read to its end: the detail names the part; what it did not name may have ended unseen';
    case 'internal':
      return 'This is a fault inside notafter: its log has the details; please report it with the item that caused it';
  }
}

/** What to do about a file of a client identity; which one it is, and what is wrong with it, the detail says. */
export function clientRemedy(reason: Reason, name: string): string {
  const file = `the file of client ${name}`;
  switch (reason) {
    case 'not_found':
      return `Correct the path of ${file} in the config, or restore what was there`;
    case 'malformed':
      return `Restore ${file} from where it is made, and see that certificate and key belong together: the client itself may fail at its next reload`;
    case 'empty':
      return `Give client ${name} what is missing: a certificate and its key in their files, and a password where one is needed`;
    case 'wrong_password':
      return `Give client ${name} the password of its file (password or password_file); if the password is right, the file is damaged: restore it`;
    case 'unsupported':
      return `Convert ${file}: certificate and key in PEM, or PKCS#12 encrypted with AES, each a regular file`;
    case 'too_large':
      return `See whether the path of ${file} in the config is the right one: no certificate, key or keystore is that large`;
    case 'too_costly':
      return `Export ${file} anew with fewer rounds of key derivation: 2 048 to 600 000 are usual`;
    case 'permission_denied':
      return `Let notafter read ${file}: read permission for its user, and search permission on every folder above`;
    case 'internal':
      return 'This is a fault inside notafter: its log has the details; please report it with the item that caused it';
    default:
      return `See why the system cannot read ${file}; the detail has its code`;
  }
}

function withHost(location: Location, text: (host: string) => string): string {
  const reach = reachOf(location);
  return reach === undefined ? '' : text(quote(reach.host));
}

function dial(location: Location): string {
  const reach = reachOf(location);
  if (reach === undefined) return '';
  const { proxy, address = reach.host } = location.endpoint ?? {};
  const [, scheme, where = ''] = /^(\w+):\/\/(.+)$/.exec(proxy ?? '') ?? [];
  const through = scheme === undefined ? '' : `-X ${scheme === 'http' ? 'connect' : '5'} -x ${quote(where)} `;
  return `: nc -vz ${through}${quote(address)} ${reach.port}`;
}
