import path from 'node:path';
import type { Operations } from '@aip/sdk';
import { parseJson, type Json } from '@aip/wire';
import { common, type AddCommand, type Cli } from '../cli.ts';
import { spoken } from '../duration.ts';
import { EXIT } from '../exit-codes.ts';
import { readGiven } from '../given-file.ts';
import { clipped, printable, table, wrapped } from '../table.ts';

type Explanation = Operations['policies.explain']['output'];
type Obligation = Explanation['decision']['obligations'][number];
type PolicyProblem = Operations['policies.check']['output']['errors'][number];
type CaseResult = Operations['policies.test']['output']['results'][number];

export const addPolicy: AddCommand = (program, bind) => {
  const policy = program.command('policy').description('look at, validate, explain and test policies');

  common(policy.command('list').description('the policies in force')).action(
    bind(async (cli) => {
      const answer = await (await cli.client()).operate('policies.list', {});
      cli.show(answer, ({ policies, error }) => {
        const list = clipped(
          policies,
          [
            { title: 'POLICY', of: ({ id }) => id },
            {
              title: 'EFFECT',
              of: ({ effect }) => effect,
              look: ({ effect }) => (effect === 'forbid' ? 'red' : 'green'),
            },
            { title: 'WHERE', of: ({ file, line }) => `${file}:${line}` },
          ],
          cli.style,
        );
        return error ? `${list}\n\n${cli.style('red', `The files on disk are not in force: ${error.message}`)}` : list;
      });
    }),
  );

  common(
    policy
      .command('check')
      .description('validate policy files without putting them in force')
      .argument('[files...]', 'Cedar files; those of the platform unless given'),
  )
    .addHelpText('after', `\nExit code ${EXIT.unverified} when a file has errors.`)
    .action(bind(check));

  common(
    policy
      .command('explain')
      .description('why a call would be permitted or denied, and what would permit it')
      .argument('<principal>', 'who calls: an agent’s name or DID (also as agent:<name>), service:<token name>, admin')
      .argument('<to>', 'what is called: agent:<name>, tool:<server>/<name>, …')
      .option('--protocol <name>', 'over which protocol; between agents the one they are connected over, else http')
      .option('--arguments <json>', 'the arguments of the call; none unless given')
      .option('--all', 'every policy, and what of it does not hold'),
  )
    .addHelpText(
      'after',
      '\nExample:\n  aip policy explain planner tool:files/write_file --protocol mcp \\\n      --arguments \'{"path":"/etc/passwd"}\'',
    )
    .action(
      bind(
        async (
          cli,
          principal: string,
          to: string,
          options: { protocol?: string; arguments?: string; all?: boolean },
        ) => {
          const input = {
            principal,
            to,
            ...(options.protocol === undefined ? {} : { protocol: options.protocol }),
            arguments: parseJson(options.arguments ?? '{}') as { [name: string]: Json },
          };
          const answer = await (await cli.client()).operate('policies.explain', input);
          cli.show(answer, (explanation) => explained(explanation, options.all === true, cli));
        },
      ),
    );

  common(
    policy
      .command('test')
      .description('decide a YAML table of cases and compare with what it expects')
      .argument('<file>'),
  )
    .addHelpText(
      'after',
      `\nA case:\n  { principal: 'Agent::"did:…"', action: call, resource: 'Tool::"files/read_file"', expect: permit }\nExit code ${EXIT.unverified} when a case fails.`,
    )
    .action(
      bind(async (cli, file: string) => {
        const answer = await (await cli.client()).operate('policies.test', { cases: readGiven(cli.world, file) });
        cli.show(
          answer,
          ({ passed, failed, results }) => `${caseTable(results, cli)}\n\n${passed} passed, ${failed} failed.`,
        );
        return answer.failed === 0 ? EXIT.ok : EXIT.unverified;
      }),
    );
};

async function check(cli: Cli, files: readonly string[]) {
  const given = files.map((file) => ({
    name: path.basename(file),
    text: readGiven(cli.world, file),
  }));
  const answer = await (await cli.client()).operate('policies.check', given.length === 0 ? {} : { files: given });
  const line = ({ file, line: at, column, message, hint }: PolicyProblem): string =>
    `${file}:${at}:${column}  ${message}${hint === undefined ? '' : ` (${hint})`}`;
  cli.show(answer, ({ valid, policies, errors, warnings }) =>
    [
      ...errors.map((problem) => cli.style('red', line(problem))),
      ...warnings.map((problem) => cli.style('yellow', line(problem))),
      valid
        ? `${policies} policies are valid.`
        : `${errors.length === 1 ? '1 error' : `${errors.length} errors`}: these policies would not be put in force.`,
    ].join('\n'),
  );
  return answer.valid ? EXIT.ok : EXIT.unverified;
}

function explained({ decision, policies, omitted, wouldPermit }: Explanation, all: boolean, cli: Cli): string {
  const permitted = decision.effect === 'permit';
  const duties = decision.obligations.map((obligation) => `  ${printable(dutyOf(obligation))}`);
  const ways =
    wouldPermit.length === 0 ? [] : ['', 'What would permit it:', ...wouldPermit.map((way) => wrapped(way, 2))];
  const applying = policies.filter(({ outcome }) => outcome !== 'does not apply');
  const shown = all ? policies : applying;
  const rest = policies.length + omitted - shown.length;
  return [
    cli.style(
      permitted ? 'green' : 'red',
      wrapped(decision.message === '' ? decision.effect : `${decision.effect}: ${decision.message}`),
    ),
    ...duties,
    ...(shown.length === 0 ? [] : ['', ...shown.map((policy) => explainedPolicy(policy, cli))]),
    ...ways,
    ...(rest === 0
      ? []
      : ['', cli.style('dim', `${rest} other policies do not apply${all ? '.' : '; --all shows which, and why.'}`)]),
  ].join('\n');
}

/** What goes with a permit, in words. */
function dutyOf(obligation: Obligation): string {
  switch (obligation.kind) {
    case 'approve': {
      const { by, expiresMs } = obligation;
      return `after approval by ${by}${expiresMs === undefined ? '' : `, within ${spoken(expiresMs)}`}`;
    }
    case 'rate':
      return `at most ${obligation.limit} times in ${spoken(obligation.windowMs)}`;
    case 'log':
      return `with this note in the log: ${obligation.note}`;
    case 'redact':
      return `without ${obligation.fields.join(', ')}`;
  }
}

function explainedPolicy(
  { id, effect, outcome, file, line, unmet }: Explanation['policies'][number],
  cli: Cli,
): string {
  const head = `${effect} ${printable(id)} (${file}:${line}) ${outcome}`;
  const parts = unmet.map((part) => wrapped(outcome === 'fails' ? part : `not ${part}`, 4));
  return [cli.style(outcome === 'applies' ? 'bold' : 'dim', head), ...parts].join('\n');
}

const caseTable = (results: readonly CaseResult[], cli: Cli): string =>
  table(
    results,
    [
      { title: 'CASE', of: ({ name }) => name },
      { title: 'EXPECTED', of: ({ expected }) => expected },
      { title: 'IS', of: ({ actual }) => actual, look: ({ passed }) => (passed ? 'green' : 'red') },
      { title: 'WHY', of: ({ decision }) => decision.message },
    ],
    cli.style,
  );
