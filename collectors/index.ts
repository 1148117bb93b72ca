import { accessLog } from './access-log/index.ts';
import { awsAcm } from './aws-acm/index.ts';
import { awsApiGateway } from './aws-api-gateway/index.ts';
import { awsCloudfront } from './aws-cloudfront/index.ts';
import { awsIam } from './aws-iam/index.ts';
import { awsIot } from './aws-iot/index.ts';
import { awsLoadBalancer } from './aws-load-balancer/index.ts';
import { awsPrivateCa } from './aws-private-ca/index.ts';
import { awsRds } from './aws-rds/index.ts';
import { awsRolesAnywhere } from './aws-roles-anywhere/index.ts';
import { awsSecrets } from './aws-secrets/index.ts';
import { azureApiManagement } from './azure-api-management/index.ts';
import { azureAppGateway } from './azure-app-gateway/index.ts';
import { azureAppService } from './azure-app-service/index.ts';
import { azureEntra } from './azure-entra/index.ts';
import { azureFrontDoor } from './azure-front-door/index.ts';
import { azureKeyVault } from './azure-key-vault/index.ts';
import { endpoint } from './endpoint/index.ts';
import { file } from './file/index.ts';
import { googleCas } from './google-cas/index.ts';
import { googleCertificateManager } from './google-certificate-manager/index.ts';
import { googleCompute } from './google-compute/index.ts';
import { googleIam } from './google-iam/index.ts';
import { identityProvider } from './identity-provider/index.ts';
import { kubernetes } from './kubernetes/index.ts';
import { vault } from './vault/index.ts';
import { venafi } from './venafi/index.ts';

/** Every collector there is, by type in alphabetical order. */
export const collectors = [
  accessLog,
  awsAcm,
  awsApiGateway,
  awsCloudfront,
  awsIam,
  awsIot,
  awsLoadBalancer,
  awsPrivateCa,
  awsRds,
  awsRolesAnywhere,
  awsSecrets,
  azureApiManagement,
  azureAppGateway,
  azureAppService,
  azureEntra,
  azureFrontDoor,
  azureKeyVault,
  endpoint,
  file,
  googleCas,
  googleCertificateManager,
  googleCompute,
  googleIam,
  identityProvider,
  kubernetes,
  vault,
  venafi,
] as const;
