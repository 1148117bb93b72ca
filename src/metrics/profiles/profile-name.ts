/** The exporters whose names, labels and values notafter speaks where it is asked to. */
export const PROFILE_NAMES = [
  'x509-certificate-exporter',
  'ssl_exporter',
  'blackbox_exporter',
  'cert-exporter',
  'telegraf',
  'cert-manager',
] as const;

export type ProfileName = (typeof PROFILE_NAMES)[number];
