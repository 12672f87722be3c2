import path from 'node:path';
import { AipError } from '@aip/wire';
import type { AuditReport, KillRecord } from '../../governance/audit/index.ts';
import { common, output, type AddCommand, type Cli } from '../cli.ts';
import { EXIT } from '../exit-codes.ts';
import { givenFile, readGiven } from '../given-file.ts';
import { fields, printable, stoppedScope, table } from '../table.ts';
import { relativeToT, when } from '../times.ts';

const DATA_DIR = ['--data-dir <folder>', 'where the log is (AIP_DATA_DIR, ./.aip)'] as const;

export const addAudit: AddCommand = (program, bind) => {
  const audit = program.command('audit').description('verify and export the log, with or without a running platform');

  output(
    audit
      .command('verify')
      .description('check every entry, every signed checkpoint, and that everything accepted could be accepted')
      .option('--export <file>', 'verify an exported log instead')
      .option('--checkpoint <file>', 'a checkpoint kept elsewhere: the log has to begin with what it signs')
      .option('--gateway <did>', 'the platform whose log it has to be')
      .option(...DATA_DIR),
  )
    .addHelpText(
      'after',
      `\nExamples:\n  aip audit verify\n  aip audit export --out log.jsonl && aip audit verify --export log.jsonl\n  aip audit checkpoint > monday.txt        (keep it where the platform’s owner cannot change it)\n  aip audit verify --checkpoint monday.txt\n\nExit code ${EXIT.unverified} when anything is not as it should be; the entry is named.`,
    )
    .action(bind(verify));

  output(
    audit
      .command('export')
      .description('write the log with its checkpoints to a file that anybody can verify')
      .requiredOption('--out <file>', 'where to; the file must not exist yet')
      .option(...DATA_DIR),
  ).action(
    bind(async (cli, { out }: { out: string }) => {
      const local = await cli.local();
      const file = path.resolve(cli.world.cwd, out);
      const entries = local.exportAudit((await cli.settings()).dataDir, file);
      cli.show(
        { file, entries: await entries },
        (written) =>
          `Wrote ${written.entries} entries to ${file}.\nVerify them anywhere: aip audit verify --export ${out}`,
      );
    }),
  );

  common(audit.command('checkpoint').description('print the last signed checkpoint, to be kept elsewhere')).action(
    bind(async (cli) => {
      const { checkpoint } = await (await cli.client()).operate('audit.head', {});
      if (checkpoint === undefined)
        throw new AipError(
          'NOT_FOUND',
          'Nothing has been signed yet; the log is signed a second after its first entry.',
        );
      cli.show({ checkpoint }, () => checkpoint.trimEnd());
    }),
  );
};

interface VerifyFlags {
  readonly export?: string;
  readonly checkpoint?: string;
  readonly gateway?: string;
}

async function verify(cli: Cli, options: VerifyFlags) {
  const local = await cli.local();
  const of = options.gateway === undefined ? {} : { gateway: options.gateway };
  const kept = options.checkpoint === undefined ? {} : { kept: readGiven(cli.world, options.checkpoint) };
  const source =
    options.export === undefined
      ? { dataDir: (await cli.settings()).dataDir }
      : { exported: givenFile(cli.world, options.export) };
  const reports = await local.verifyAudit({ ...source, ...of, ...kept });
  const ok = reports.every((report) => report.ok);
  cli.show({ ok, logs: reports }, ({ logs }) => {
    if (logs.length === 0) return 'The log is empty: there is nothing to verify yet.';
    return logs.map((report) => describe(report, cli)).join('\n\n');
  });
  return ok ? EXIT.ok : EXIT.unverified;
}

function describe(report: AuditReport, cli: Cli): string {
  const facts = fields(
    {
      Log: report.tenant,
      Entries: report.entries,
      Checkpoints: report.checkpoints,
      Unsigned: report.unsigned === 0 ? undefined : `${report.unsigned} entries since the last checkpoint`,
      Erased: report.erased === 0 ? undefined : `the content of ${report.erased} entries`,
      Root: report.root,
    },
    cli.style,
  );
  const verdict = report.ok
    ? cli.style('green', 'Verified.')
    : [
        cli.style('red', 'NOT VERIFIED:'),
        ...report.problems.map(({ seq, what }) => `  ${seq === undefined ? '' : `entry ${seq}: `}${printable(what)}`),
      ].join('\n');
  return [facts, ...(report.kills.length === 0 ? [] : ['', killTable(report.kills, cli)]), '', verdict].join('\n');
}

/** T is when the order was received. */
const killTable = (kills: readonly KillRecord[], cli: Cli): string =>
  table(
    kills,
    [
      { title: 'STOPPED', of: stoppedScope },
      { title: 'MODE', of: ({ mode }) => mode },
      { title: 'T', of: (kill) => when(kill.received_at) },
      { title: 'LAST MESSAGE ACCEPTED', of: (kill) => lastAccepted(kill) },
      { title: 'ENTRY', of: ({ seq }) => seq, align: 'right' },
      { title: 'RELEASED', of: ({ released }) => (released === null ? 'no' : `entry ${released}`) },
    ],
    cli.style,
  );

function lastAccepted({ last_accept: last }: KillRecord): string {
  if (!last) return 'none';
  return `${relativeToT(last.after_ms)}, entry ${last.seq}`;
}
