import type { AipClient } from '@aip/sdk';
import { checkTable, verdict } from '../checks.ts';
import { common, type AddCommand, type Cli } from '../cli.ts';
import { EXIT, isUnreachable, toShownError } from '../exit-codes.ts';
import type { Check } from '../local.ts';
import { mcpChecks } from './mcp-checks.ts';

const REQUIRED_NODE = 24;

export const addDoctor: AddCommand = (program, bind) => {
  common(program.command('doctor').description('look for what is wrong with this installation, and say what to do'))
    .addHelpText('after', `\nExit code ${EXIT.unverified} when something is wrong.`)
    .action(
      bind(async (cli) => {
        const checks = [nodeVersion(), ...(await installation(cli)), await platform(cli), ...(await behind(cli))];
        const { ok } = verdict(checks);
        cli.show({ ok, checks }, () => checkTable(checks, cli.style));
        return ok ? EXIT.ok : EXIT.unverified;
      }),
    );
};

function nodeVersion(): Check {
  const found = process.versions.node;
  const ok = Number.parseInt(found, 10) >= REQUIRED_NODE;
  return { name: 'node', ok, detail: found, ...(ok ? {} : { remedy: `use Node ${REQUIRED_NODE} or newer` }) };
}

/** The settings, what they lead to on this machine, and the issuers that they name. */
async function installation(cli: Cli): Promise<readonly Check[]> {
  try {
    const settings = await cli.settings();
    const local = await cli.local();
    return [
      { name: 'settings', ok: true, detail: `data folder ${settings.dataDir}` },
      ...(await local.inspect(settings)),
      ...(await local.inspectIssuers()),
    ];
  } catch (error) {
    return [{ name: 'settings', ok: false, detail: toShownError(error).message }];
  }
}

async function platform(cli: Cli): Promise<Check> {
  try {
    const client = await cli.client();
    const { version } = await client.operate('platform.status', {});
    return { name: 'platform', ok: true, detail: `version ${version} answers at ${client.url}` };
  } catch (error) {
    // Not running is a state, not a fault.
    return { name: 'platform', ok: isUnreachable(error), detail: toShownError(error).message };
  }
}

/** What a running platform cannot reach, or does not let through, of what is behind it. */
async function behind(cli: Cli): Promise<readonly Check[]> {
  try {
    const client = await cli.client();
    return [...(await mcpChecks(client)), ...(await failedSources(client))];
  } catch {
    // Whether it can be asked at all is another check.
    return [];
  }
}

async function failedSources(client: AipClient): Promise<readonly Check[]> {
  const { sources } = await client.operate('sources.list', {});
  return sources
    .filter(({ state }) => state === 'failed')
    .map(({ kind, name, error = '' }) => ({
      name: `sources.${kind}.${name}`,
      ok: false,
      detail: error,
      remedy: `aip source inspect ${name}`,
    }));
}
