/*
 * npm run bench            every benchmark
 * npm run bench -- NAME    one of them
 *
 * CPU is user + system time of this process alone. Times of different runs do not compare: machines differ and drift.
 */
import { benchAlerts } from './alerts.ts';
import { benchCluster } from './cluster.ts';
import { benchEndpoints } from './endpoints.ts';
import { benchFiles } from './files.ts';
import { benchKubernetes } from './kubernetes.ts';
import { benchLogs } from './logs.ts';
import { benchMetrics } from './metrics.ts';
import { benchPolicy } from './policy.ts';
import { benchScale } from './scale.ts';
import { benchStartup } from './startup.ts';
import { benchWeb } from './web.ts';

const BENCHES = {
  alerts: benchAlerts,
  cluster: benchCluster,
  files: benchFiles,
  kubernetes: benchKubernetes,
  logs: benchLogs,
  endpoints: benchEndpoints,
  metrics: benchMetrics,
  policy: benchPolicy,
  scale: benchScale,
  startup: benchStartup,
  web: benchWeb,
} as const;

const [wanted] = process.argv.slice(2);
if (wanted !== undefined && !(wanted in BENCHES)) {
  process.stderr.write(`there is no benchmark "${wanted}"; there are: ${Object.keys(BENCHES).join(', ')}\n`);
  process.exit(1);
}
for (const [name, bench] of Object.entries(BENCHES)) {
  if (wanted === undefined || wanted === name) process.stdout.write(`${await bench()}\n`);
}
