import { accessLog } from './access-log/index.ts';
import { awsAcm } from './aws-acm/index.ts';
import { awsApiGateway } from './aws-api-gateway/index.ts';
import { awsIam } from './aws-iam/index.ts';
import { awsLoadBalancer } from './aws-load-balancer/index.ts';
import { azureKeyVault } from './azure-key-vault/index.ts';
import { endpoint } from './endpoint/index.ts';
import { file } from './file/index.ts';
import { kubernetes } from './kubernetes/index.ts';

/** Every collector there is, by type in alphabetical order. */
export const collectors = [
  accessLog,
  awsAcm,
  awsApiGateway,
  awsIam,
  awsLoadBalancer,
  azureKeyVault,
  endpoint,
  file,
  kubernetes,
] as const;
