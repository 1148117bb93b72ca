#!/usr/bin/env node
// The front door. Plain JavaScript that old versions of Node can still parse, so that they can say what is wrong.
import { existsSync } from 'fs';

const REQUIRED_MAJOR = 24;
const EXIT_UNKNOWN = 3;

if (Number(process.versions.node.split('.')[0]) < REQUIRED_MAJOR) {
  process.stderr.write(
    [
      'notafter needs Node.js ' +
        REQUIRED_MAJOR +
        ' or newer; this is ' +
        process.versions.node +
        ' (' +
        process.execPath +
        ').',
      'Run it with a newer one, without installing anything:',
      '  npx -p node@' + REQUIRED_MAJOR + ' -p notafter notafter --help',
      'or install one: nvm install ' + REQUIRED_MAJOR + ', or https://nodejs.org',
      '',
    ].join('\n'),
  );
  process.exitCode = EXIT_UNKNOWN;
} else {
  // A published package brings the built files; a checkout runs its source as it is.
  const built = new URL('../dist/src/main.js', import.meta.url);
  const source = new URL('../src/main.ts', import.meta.url);
  import((existsSync(built) ? built : source).href).catch((error) => {
    process.stderr.write('notafter could not start: ' + ((error && error.stack) || error) + '\n');
    process.exitCode = EXIT_UNKNOWN;
  });
}
