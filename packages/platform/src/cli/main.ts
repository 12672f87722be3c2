import { askedToEnd } from './end-signals.ts';
import { localPlatform } from './local-platform.ts';
import { runCli } from './run.ts';
import { readSecret } from './secret-input.ts';

// Whoever reads may have enough before the end, as `| head` has: that is no fault of this command.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });

/** The `aip` command. The platform itself is only loaded by what needs it, so that the rest starts quickly. */
process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  terminal: process.stdout.isTTY,
  columns: process.stdout.columns,
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  secret: (prompt) => readSecret(prompt, process.stdin, process.stderr),
  stopped: () => askedToEnd(process),
  local: async () => localPlatform({ env: process.env, cwd: process.cwd(), terminal: process.stderr.isTTY }),
});
