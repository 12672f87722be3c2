import { AipError } from '@aip/wire';
import { checkTable } from '../checks.ts';
import { common, type AddCommand } from '../cli.ts';
import type { Check } from '../local.ts';
import { fields } from '../table.ts';
import { whenAndAgo } from '../times.ts';
import { whatWaits } from './waiting.ts';

export const addStatus: AddCommand = (program, bind) => {
  common(
    program
      .command('status')
      .description('what runs, and what waits for you: admissions, approvals, quarantined tools, servers that fail'),
  ).action(
    bind(async (cli) => {
      const client = await cli.client();
      const [known, waiting] = await Promise.all([client.operate('platform.status', {}), whatWaits(client)]);
      cli.show({ ...known, waiting }, (status) => {
        const facts = fields(
          {
            Platform: client.url,
            Version: status.version,
            Identity: status.gateway,
            Since: whenAndAgo(status.started_at),
            Agents: `${status.agents_connected} connected, ${status.agents_known} known`,
            Tasks: `${status.tasks_live} live`,
            Sessions: status.sessions,
            Log: `${status.log_size} entries`,
          },
          cli.style,
        );
        return [facts, waiting.length === 0 ? 'Nothing waits for you.' : checkTable(waiting, cli.style)].join('\n\n');
      });
    }),
  );
};

/** Whether a platform serves the dashboard: a checkout has none until it is built. */
export async function hasDashboard(url: string): Promise<boolean> {
  const response = await fetch(`${url}/ui`, { redirect: 'manual', signal: AbortSignal.timeout(10_000) });
  await response.body?.cancel();
  return response.status !== 404;
}

/** Nothing is wrong without it. */
export const NO_DASHBOARD = {
  name: 'dashboard',
  ok: true,
  waits: true,
  detail: 'not built',
  remedy: 'run "npm run dashboard" in the checkout and start again',
} as const satisfies Check;

export const addDashboard: AddCommand = (program, bind) => {
  common(program.command('dashboard').description('print a URL that opens the dashboard, once')).action(
    bind(async (cli) => {
      const client = await cli.client();
      if (!(await hasDashboard(client.url)))
        throw new AipError('NOT_FOUND', `The dashboard is ${NO_DASHBOARD.detail}; ${NO_DASHBOARD.remedy}.`);
      const { code } = await client.operate('logins.create', {});
      // In the fragment: browsers keep it out of requests, and so out of logs.
      cli.show({ url: `${client.url}/ui#login=${code}` }, ({ url }) => url);
    }),
  );
};
