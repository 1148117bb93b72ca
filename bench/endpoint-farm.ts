/* A farm of TLS servers in a process of its own, so that its CPU is not counted. Told how many by its argument; sends the ports. */
import { createAuthority } from '../test/helpers/pki.ts';
import { startTlsServer } from '../test/helpers/servers.ts';

const count = Number(process.argv[2]);
const root = createAuthority();
const intermediate = createAuthority({ parent: root });
const servers = await Promise.all(
  Array.from({ length: count }, (_, index) =>
    startTlsServer(intermediate.issue({ names: [`host-${index}.example`, '127.0.0.1'] })),
  ),
);
process.send?.(servers.map((server) => server.port));
process.once('disconnect', () => process.exit(0));
