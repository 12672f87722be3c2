import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseJson, type Json, type JsonObject } from '@aip/wire';
import { common, type AddCommand, type Cli } from '../cli.ts';
import { EXIT } from '../exit-codes.ts';
import { printable, table, wrapped } from '../table.ts';

interface PolicyProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint?: string;
}

interface Explanation {
  readonly decision: {
    readonly effect: 'permit' | 'deny';
    readonly message: string;
    readonly obligations: readonly JsonObject[];
  };
  readonly policies: readonly {
    readonly id: string;
    readonly file: string;
    readonly line: number;
    readonly effect: string;
    readonly outcome: string;
    readonly unmet: readonly string[];
  }[];
  readonly omitted: number;
  readonly wouldPermit: readonly string[];
}

interface CaseResult {
  readonly name: string;
  readonly expected: string;
  readonly actual: string;
  readonly passed: boolean;
  readonly decision: { readonly message: string };
}

export const addPolicy: AddCommand = (program, bind) => {
  const policy = program.command('policy').description('look at, validate, explain and test policies');

  common(policy.command('list').description('the policies in force')).action(
    bind(async (cli) => {
      const answer = await (await cli.client()).operate('policies.list', {});
      const policies = answer.policies as unknown as readonly {
        id: string;
        effect: string;
        file: string;
        line: number;
      }[];
      cli.show(answer, ({ error }) => {
        const list = table(
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
        const fault = error as unknown as { message: string } | undefined;
        return fault ? `${list}\n\n${cli.style('red', `The files on disk are not in force: ${fault.message}`)}` : list;
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
      .argument('<principal>', 'who calls: an agent’s name or DID, service:<token name>, admin')
      .argument('<to>', 'what is called: agent:<name>, tool:<server>/<name>, …')
      .option('--protocol <name>', 'over which protocol', 'http')
      .option('--arguments <json>', 'the arguments of the call', '{}')
      .option('--all', 'every policy, and what of it does not hold'),
  )
    .addHelpText(
      'after',
      '\nExample:\n  aip policy explain planner tool:files/write_file --protocol mcp \\\n      --arguments \'{"path":"/etc/passwd"}\'',
    )
    .action(
      bind(
        async (cli, principal: string, to: string, options: { protocol: string; arguments: string; all?: boolean }) => {
          const input = {
            principal,
            to,
            protocol: options.protocol,
            arguments: parseJson(options.arguments) as { [name: string]: Json },
          };
          const answer = await (await cli.client()).operate('policies.explain', input);
          cli.show(answer, (explanation) =>
            explained(explanation as unknown as Explanation, options.all === true, cli),
          );
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
        const answer = await (
          await cli.client()
        ).operate('policies.test', { cases: readFileSync(path.resolve(cli.world.cwd, file), 'utf8') });
        cli.show(
          answer,
          ({ passed, failed, results }) =>
            `${caseTable(results as unknown as CaseResult[], cli)}\n\n${passed} passed, ${failed} failed.`,
        );
        return answer.failed === 0 ? EXIT.ok : EXIT.unverified;
      }),
    );
};

async function check(cli: Cli, files: readonly string[]) {
  const given = files.map((file) => ({
    name: path.basename(file),
    text: readFileSync(path.resolve(cli.world.cwd, file), 'utf8'),
  }));
  const answer = await (await cli.client()).operate('policies.check', given.length === 0 ? {} : { files: given });
  const line = ({ file, line: at, column, message, hint }: PolicyProblem): string =>
    `${file}:${at}:${column}  ${message}${hint === undefined ? '' : ` (${hint})`}`;
  cli.show(answer, ({ valid, policies, errors, warnings }) =>
    [
      ...(errors as unknown as PolicyProblem[]).map((problem) => cli.style('red', line(problem))),
      ...(warnings as unknown as PolicyProblem[]).map((problem) => cli.style('yellow', line(problem))),
      valid ? `${policies} policies are valid.` : `${errors.length} errors: these policies would not be put in force.`,
    ].join('\n'),
  );
  return answer.valid ? EXIT.ok : EXIT.unverified;
}

function explained({ decision, policies, omitted, wouldPermit }: Explanation, all: boolean, cli: Cli): string {
  const permitted = decision.effect === 'permit';
  const duties = decision.obligations.map((obligation) => `  with: ${Object.values(obligation).map(String).join(' ')}`);
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
