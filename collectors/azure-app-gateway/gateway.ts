import { type Fields, fieldsAt, listAt, textAt, textsAt } from '../../src/cloud/answer.ts';
import { nameInId, renewalByVault, resourceId, vaultReferenceOf } from '../../src/cloud/azure-resources.ts';
import { type Held, readChain, readTrustStore } from '../../src/cloud/held.ts';
import type { Context } from '../../src/plugin/context.ts';
import type { Item, Reference } from '../../src/plugin/item.ts';
import type { Observation } from '../../src/plugin/observation.ts';

/** A listener, with what it speaks TLS by. */
interface Listener {
  readonly reference: Reference;
  readonly endpoints: readonly Reference[];
  readonly certificate: string | undefined;
  readonly profile: string | undefined;
}

/**
 * A gateway with all that may end in it. Parts of it are named by their names in lower case, as they refer to each other
 * (https://learn.microsoft.com/rest/api/application-gateway/application-gateways/list-all).
 */
export async function observeGateway(context: Context, gateway: Fields, location: string): Promise<Observation> {
  const listeners = listAt(gateway, 'properties', 'httpListeners').map((one) => listenerOf(one, gateway));
  const held: Held[] = [];
  for (const certificate of listAt(gateway, 'properties', 'sslCertificates')) {
    held.push(await readServer(context, certificate, listeners));
  }
  for (const authority of listAt(gateway, 'properties', 'trustedClientCertificates')) {
    held.push(await readClientAuthority(context, authority, gateway, listeners));
  }
  for (const [field, prefix] of [
    ['trustedRootCertificates', 'trusted-root'],
    ['authenticationCertificates', 'authentication'],
  ] as const) {
    for (const certificate of listAt(gateway, 'properties', field)) {
      held.push(await readBackendTrust(context, certificate, `${prefix}/${nameOf(certificate)}`, field, gateway));
    }
  }
  return {
    location,
    items: held.flatMap(({ items }) => items),
    problems: held.flatMap(({ problems }) => problems),
  };
}

function nameOf(part: Fields): string {
  return textAt(part, 'name')?.toLowerCase() ?? '';
}

function listenerOf(listener: Fields, gateway: Fields): Listener {
  const port = listAt(gateway, 'properties', 'frontendPorts').find(
    (one) => nameOf(one) === nameInId(textAt(listener, 'properties', 'frontendPort', 'id')),
  );
  const number = fieldsAt(port, 'properties')['port'];
  const single = textAt(listener, 'properties', 'hostName');
  const hosts = [...(single === undefined ? [] : [single]), ...textsAt(listener, 'properties', 'hostNames')];
  return {
    reference: { type: 'azure', id: resourceId(textAt(listener, 'id') ?? nameOf(listener)) },
    // A pattern is the name of no server.
    endpoints: [...new Set(hosts)]
      .filter((host) => !/[*?]/.test(host))
      .map((host) => ({ type: 'endpoint', id: `${host}:${typeof number === 'number' ? number : 443}` })),
    certificate: nameInId(textAt(listener, 'properties', 'sslCertificate', 'id')),
    profile: nameInId(textAt(listener, 'properties', 'sslProfile', 'id')),
  };
}

function usedBy(references: readonly Reference[]): Pick<Item, 'usedBy'> {
  return references.length === 0 ? {} : { usedBy: references };
}

/** What a listener shows. The public part is PKCS#7 in base64; one whose vault cannot be read has none. */
async function readServer(context: Context, certificate: Fields, listeners: readonly Listener[]): Promise<Held> {
  const name = nameOf(certificate);
  const using = listeners.filter((listener) => listener.certificate === name);
  const attributes = {
    role: 'server',
    ...renewalByVault(vaultReferenceOf(textAt(certificate, 'properties', 'keyVaultSecretId'))),
    ...usedBy(using.flatMap(({ endpoints, reference }) => [...endpoints, reference])),
  } as const;
  const prefix = `ssl/${name}/`;
  const data = textAt(certificate, 'properties', 'publicCertData');
  if (data !== undefined) return readChain(context, { certificate: data }, attributes, prefix);
  return {
    items: [],
    problems: [
      {
        reason: 'empty',
        place: `${prefix}certificate`,
        detail: `the gateway shows nothing of the certificate ${name}: it may have lost its access to the Key Vault`,
      },
    ],
  };
}

/** CA certificates by which listeners judge their clients, where they turn anybody away. */
async function readClientAuthority(
  context: Context,
  authority: Fields,
  gateway: Fields,
  listeners: readonly Listener[],
): Promise<Held> {
  const name = nameOf(authority);
  const profiles = listAt(gateway, 'properties', 'sslProfiles').filter((profile) =>
    listAt(profile, 'properties', 'trustedClientCertificates').some((one) => nameInId(textAt(one, 'id')) === name),
  );
  const references = profiles.flatMap((profile) => {
    const using = listeners.filter((listener) => listener.profile === nameOf(profile));
    const mode = textAt(profile, 'properties', 'clientAuthConfiguration', 'verifyClientAuthMode');
    // In this mode the gateway lets everybody through, and tells the backend.
    const decides = mode?.toLowerCase() !== 'passthrough';
    return using.flatMap(({ endpoints, reference }) => [...(decides ? endpoints : []), reference]);
  });
  const data = textAt(authority, 'properties', 'data') ?? textAt(authority, 'properties', 'validatedCertData') ?? '';
  return readTrustStore(context, Buffer.from(data), `trusted-client/${name}`, {
    renewal: { mode: 'manual' },
    ...usedBy(references),
  });
}

/** What the gateway trusts at its backends: a root (v2), or the very certificate of a backend (v1). */
async function readBackendTrust(
  context: Context,
  certificate: Fields,
  place: string,
  field: string,
  gateway: Fields,
): Promise<Held> {
  const name = nameOf(certificate);
  const settings = listAt(gateway, 'properties', 'backendHttpSettingsCollection').filter((one) =>
    listAt(one, 'properties', field).some((reference) => nameInId(textAt(reference, 'id')) === name),
  );
  const data = textAt(certificate, 'properties', 'data');
  const renewal = renewalByVault(vaultReferenceOf(textAt(certificate, 'properties', 'keyVaultSecretId')));
  // A root in a vault is read there.
  if (data === undefined) return { items: [], problems: [] };
  return readTrustStore(context, Buffer.from(data), place, {
    ...renewal,
    ...usedBy(
      settings.flatMap((one) =>
        textAt(one, 'id') === undefined ? [] : [{ type: 'azure', id: resourceId(textAt(one, 'id') ?? '') }],
      ),
    ),
  });
}
