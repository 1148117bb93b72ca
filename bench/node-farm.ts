/* The servers of the benchmark where there is no nginx: told what to serve by a message, ended by the parent's end. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createSecureContext, createServer, type SecureContext } from 'node:tls';

import { KEY_TYPES, portName, VERSIONS, type FarmPlan, type KeyType } from './tls-farm.ts';

process.once('message', (plan: FarmPlan) => {
  for (const key of KEY_TYPES) {
    const contexts = new Map(plan.names.map((name) => [name, contextOf(plan, key, name)]));
    const [first = ''] = plan.names;
    for (const version of VERSIONS) {
      const server = createServer(
        {
          ...filesOf(plan, key, first),
          maxVersion: version === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
          SNICallback: (name, done) => done(null, contexts.get(name)),
        },
        (socket) => {
          socket.on('error', () => socket.destroy());
          socket.resume();
        },
      );
      server.on('tlsClientError', () => undefined);
      server.listen({ port: plan.ports[portName(key, version)], host: plan.host, backlog: 1024 });
    }
  }
});
process.once('disconnect', () => process.exit(0));

function contextOf(plan: FarmPlan, key: KeyType, name: string): SecureContext {
  return createSecureContext(filesOf(plan, key, name));
}

function filesOf(plan: FarmPlan, key: KeyType, name: string): { readonly cert: string; readonly key: string } {
  const under = path.join(plan.folder, key);
  return {
    cert: readFileSync(path.join(under, `${name}.pem`), 'utf8'),
    key: readFileSync(path.join(under, 'key.pem'), 'utf8'),
  };
}
