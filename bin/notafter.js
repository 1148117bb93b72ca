#!/usr/bin/env node
// The front door. Plain JavaScript that old versions of Node can still parse, so that they can say what is wrong.
import { existsSync } from 'fs';
import module from 'module';
import { fileURLToPath } from 'url';

const REQUIRED_MAJOR = 24;
const EXIT_UNKNOWN = 3;
/** By then, everything is loaded. */
const FLUSH_AFTER_MS = 15000;

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
  // Compiled code is kept beside the package, where only who may change the package may write: a start then takes a third
  // of the time. Where that folder cannot be written, as in an image, each start compiles anew.
  module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/notafter', import.meta.url)));
  // Also when the process will be killed: it is written at the exit, or when asked.
  setTimeout(() => module.flushCompileCache(), FLUSH_AFTER_MS).unref();

  // A published package brings the built files; a checkout runs its source as it is.
  const built = new URL('../dist/src/main.js', import.meta.url);
  const source = new URL('../src/main.ts', import.meta.url);
  import((existsSync(built) ? built : source).href).catch((error) => {
    process.stderr.write('notafter could not start: ' + ((error && error.stack) || error) + '\n');
    process.exitCode = EXIT_UNKNOWN;
  });
}
