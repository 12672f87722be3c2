import { checkTable } from '../checks.ts';
import { common, type AddCommand } from '../cli.ts';
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

export const addDashboard: AddCommand = (program, bind) => {
  common(program.command('dashboard').description('print a URL that opens the dashboard, once')).action(
    bind(async (cli) => {
      const client = await cli.client();
      const { code } = await client.operate('logins.create', {});
      // In the fragment: browsers keep it out of requests, and so out of logs.
      cli.show({ url: `${client.url}/ui#login=${code}` }, ({ url }) => url);
    }),
  );
};
