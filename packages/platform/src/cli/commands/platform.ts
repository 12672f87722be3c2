import { common, type AddCommand } from '../cli.ts';
import { fields } from '../table.ts';

export const addStatus: AddCommand = (program, bind) => {
  common(
    program.command('status').description('what runs: version, identity, agents, live tasks, size of the log'),
  ).action(
    bind(async (cli) => {
      const client = await cli.client();
      cli.show(await client.operate('platform.status', {}), (status) =>
        fields(
          {
            Platform: client.url,
            Version: status.version,
            Identity: status.gateway,
            Since: status.started_at,
            Agents: `${status.agents_connected} connected, ${status.agents_known} known`,
            Tasks: `${status.tasks_live} live`,
            Sessions: status.sessions,
            Log: `${status.log_size} entries`,
          },
          cli.style,
        ),
      );
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
