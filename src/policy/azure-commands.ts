import { quote } from '../text/shell.ts';

/** Shows with the command line of Azure what is at a location; `undefined` for what is none of Azure's. */
export function azureLook(place: string): string | undefined {
  if (/^https:\/\/[^/]+\/certificates\//.test(place)) return `az keyvault certificate show --id ${quote(place)}`;
  const deleted = /^https:\/\/([^/.]+)[^/]*\/deletedcertificates\/([^/]+)$/.exec(place);
  if (deleted !== null) {
    return `az keyvault certificate show-deleted --vault-name ${quote(deleted[1] ?? '')} --name ${quote(deleted[2] ?? '')}`;
  }
  if (/^https:\/\/[^/]+\/secrets\//.test(place)) {
    return `az keyvault secret show --id ${quote(place)} --query attributes`;
  }
  const entra = /^entra:(applications|servicePrincipals)\/([^/]+)$/.exec(place);
  if (entra !== null) {
    return `az ad ${entra[1] === 'applications' ? 'app' : 'sp'} credential list --id ${quote(entra[2] ?? '')}`;
  }
  return place.startsWith('/subscriptions/') ? `az resource show --ids ${quote(place)}` : undefined;
}
