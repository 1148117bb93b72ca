import { createProgram } from './cli/program.ts';
import { complain, EXIT } from './cli/output.ts';

try {
  await createProgram().parseAsync();
} catch (error) {
  complain(`notafter: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = EXIT.unknown;
}
