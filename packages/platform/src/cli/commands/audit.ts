import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { checkTable, verdict } from '../checks.ts';
import { output, common, type AddCommand, type Cli } from '../cli.ts';
import { EXIT } from '../exit-codes.ts';

export const addAudit: AddCommand = (program, bind) => {
  const audit = program.command('audit').description('verify and export the log');

  output(
    audit
      .command('verify')
      .description('check every entry, checkpoint, balance and kill of a log; needs no platform')
      .option('--export <file>', 'verify an exported log')
      .option('--data-dir <folder>', 'verify the log in this data folder (AIP_DATA_DIR, ./.aip)'),
  )
    .addHelpText(
      'after',
      `\nExamples:\n  aip audit verify\n  aip audit export --out log.jsonl && aip audit verify --export log.jsonl\n\nExit code ${EXIT.unverified} when anything is not as it should be; the entry is named.`,
    )
    .action(bind(verify));

  common(
    audit
      .command('export')
      .description('write the log with its checkpoints and proofs to a file')
      .option('--out <file>', 'where to; standard output unless given'),
  ).action(
    bind(async (cli, { out }: { out?: string }) => {
      const answer = await (await cli.client()).operate('audit.export', {});
      const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
      if (out === undefined) return cli.world.out(text);
      const file = path.resolve(cli.world.cwd, out);
      writeFileSync(file, `${text}\n`, { mode: 0o600 });
      cli.show({ file }, () => `Written to ${file}. Verify it anywhere: aip audit verify --export ${out}`);
    }),
  );
};

async function verify(cli: Cli, options: { export?: string; dataDir?: string }) {
  const local = await cli.local();
  const source =
    options.export === undefined
      ? { dataDir: local.settings({ data_dir: options.dataDir }).dataDir }
      : { exported: path.resolve(cli.world.cwd, options.export) };
  const checks = await local.verifyAudit(source);
  const { ok } = verdict(checks);
  cli.show(
    { ok, checks },
    () =>
      `${checkTable(checks, cli.style)}\n\n${ok ? cli.style('green', 'The log is verified.') : cli.style('red', 'THE LOG IS NOT AS IT WAS WRITTEN.')}`,
  );
  return ok ? EXIT.ok : EXIT.unverified;
}
