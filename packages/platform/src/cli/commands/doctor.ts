import { checkTable, verdict } from '../checks.ts';
import { common, type AddCommand, type Cli } from '../cli.ts';
import { EXIT, faultsOf, isUnreachable, toShownError } from '../exit-codes.ts';
import type { Check } from '../local.ts';
import { hasDashboard, NO_DASHBOARD } from './platform.ts';
import { whatWaits } from './waiting.ts';

const REQUIRED_NODE = 24;

export const addDoctor: AddCommand = (program, bind) => {
  common(program.command('doctor').description('look for what is wrong with this installation, and say what to do'))
    .addHelpText('after', `\nExit code ${EXIT.unverified} when something is wrong.`)
    .action(
      bind(async (cli) => {
        const here = [nodeVersion(), ...(await installation(cli))];
        const beyond = [...(await platform(cli, here)), ...(await behind(cli))];
        // What the platform says of its policies can be seen from here, too.
        const checks = [
          ...here,
          ...beyond.filter(({ name, ok }) => ok || !here.some((one) => !one.ok && one.name === name)),
        ];
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
    const settings = await cli.settingsUnwarned();
    const local = await cli.local();
    const { faults = [] } = settings;
    return [
      { name: 'settings', ok: true, detail: `data folder ${settings.dataDir}` },
      ...faults.map((detail) => ({ name: 'settings', ok: false, detail })),
      ...(await local.inspect(settings)),
      ...(faults.length === 0 ? await local.inspectIssuers() : []),
    ];
  } catch (error) {
    return faultsOf(error).map((detail) => ({ name: 'settings', ok: false, detail }));
  }
}

/** The platform, unless what keeps it from being found has been said already. */
async function platform(cli: Cli, said: readonly Check[]): Promise<readonly Check[]> {
  try {
    const client = await cli.client();
    const { version } = await client.operate('platform.status', {});
    return [
      { name: 'platform', ok: true, detail: `version ${version} answers at ${client.url}` },
      ...((await hasDashboard(client.url)) ? [] : [NO_DASHBOARD]),
    ];
  } catch (error) {
    // Not running is a state, not a fault.
    const { message: detail } = toShownError(error);
    if (isUnreachable(error)) return [{ name: 'platform', ok: true, idle: true, detail }];
    const isSaid = faultsOf(error).every((fault) => said.some((check) => check.detail === fault));
    return isSaid ? [] : [{ name: 'platform', ok: false, detail }];
  }
}

/** What a running platform cannot reach, or does not let through, of what is behind it, and what waits for its operator. */
async function behind(cli: Cli): Promise<readonly Check[]> {
  try {
    return await whatWaits(await cli.client());
  } catch {
    // Whether it can be asked at all is another check.
    return [];
  }
}
