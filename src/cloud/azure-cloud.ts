/** The clouds of Azure that know nothing of each other (https://learn.microsoft.com/graph/deployments). */
export const AZURE_CLOUDS = ['public', 'us-government', 'us-government-dod', 'china'] as const;
export type AzureCloud = (typeof AZURE_CLOUDS)[number];

/** Where the parts of one cloud answer; origins without a path. */
export interface AzureOrigins {
  /** Microsoft Entra, where tokens come from. */
  readonly login: string;
  /** Azure Resource Manager. */
  readonly management: string;
  /** Microsoft Graph. */
  readonly graph: string;
}

const ORIGINS: Readonly<Record<AzureCloud, AzureOrigins>> = {
  public: {
    login: 'https://login.microsoftonline.com',
    management: 'https://management.azure.com',
    graph: 'https://graph.microsoft.com',
  },
  'us-government': {
    login: 'https://login.microsoftonline.us',
    management: 'https://management.usgovcloudapi.net',
    graph: 'https://graph.microsoft.us',
  },
  'us-government-dod': {
    login: 'https://login.microsoftonline.us',
    management: 'https://management.usgovcloudapi.net',
    graph: 'https://dod-graph.microsoft.us',
  },
  china: {
    login: 'https://login.chinacloudapi.cn',
    management: 'https://management.chinacloudapi.cn',
    graph: 'https://microsoftgraph.chinacloudapi.cn',
  },
};

export function originsOf(cloud: AzureCloud): AzureOrigins {
  return ORIGINS[cloud];
}
