import { awsAcm } from './aws-acm.ts';
import { awsGatewayClient, awsTruststore } from './aws-api-gateway.ts';
import { awsTrustStore } from './aws-load-balancer.ts';
import { awsDatabase, awsIamCertificate, awsPrivateAuthority, awsSecret, awsUser } from './aws-stores.ts';
import { awsDeviceAuthority, awsImportedList, awsTrustAnchor, awsViewerTrust } from './aws-trust.ts';
import { azureAppGateway } from './azure-app-gateway.ts';
import { azureEntra } from './azure-entra.ts';
import { azureDeleted, azureKeyVault } from './azure-key-vault.ts';
import { azureApiManagement, azureAppService, azureFrontDoor } from './azure-stores.ts';
import { certbot } from './certbot.ts';
import { endpoint } from './endpoint.ts';
import { google } from './google.ts';
import { googleAccountKey, googleAuthority, googleIssued } from './google-stores.ts';
import { googleTrust } from './google-trust.ts';
import type { Guide, Spot } from './guide.ts';
import { keystore } from './keystore.ts';
import { kubernetes } from './kubernetes.ts';
import { other } from './other.ts';
import { pemFile } from './pem-file.ts';
import { revocationList } from './revocation-list.ts';
import { vault } from './vault.ts';

/** The special before the general; the last takes everything. */
const GUIDES: readonly Guide[] = [
  certbot,
  keystore,
  revocationList,
  pemFile,
  awsAcm,
  awsTruststore,
  awsGatewayClient,
  awsTrustStore,
  awsTrustAnchor,
  awsImportedList,
  awsViewerTrust,
  awsDeviceAuthority,
  awsPrivateAuthority,
  awsIamCertificate,
  awsDatabase,
  awsSecret,
  awsUser,
  azureAppGateway,
  azureEntra,
  azureKeyVault,
  azureDeleted,
  azureAppService,
  azureApiManagement,
  azureFrontDoor,
  googleAuthority,
  googleIssued,
  googleAccountKey,
  google,
  googleTrust,
  kubernetes,
  vault,
  endpoint,
];

/** The guide for a place. */
export function guideFor(spot: Spot): Guide {
  return GUIDES.find((guide) => guide.matches(spot)) ?? other;
}
