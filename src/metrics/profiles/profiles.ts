import { blackboxExporter } from './blackbox-exporter.ts';
import { createCertExporter } from './cert-exporter.ts';
import { certManager } from './cert-manager.ts';
import type { ProfileName } from './profile-name.ts';
import type { Profile, ProfileOptions } from './profile.ts';
import { sslExporter } from './ssl-exporter.ts';
import { createTelegraf } from './telegraf.ts';
import { createX509CertificateExporter } from './x509-certificate-exporter.ts';

/** The profile of this name. */
export function profileOf(name: ProfileName, options: ProfileOptions): Profile {
  switch (name) {
    case 'x509-certificate-exporter':
      return createX509CertificateExporter(options.x509);
    case 'ssl_exporter':
      return sslExporter;
    case 'blackbox_exporter':
      return blackboxExporter;
    case 'cert-exporter':
      return createCertExporter(options);
    case 'telegraf':
      return createTelegraf(options);
    case 'cert-manager':
      return certManager;
  }
}
