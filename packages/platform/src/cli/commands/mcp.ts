import { common, type AddCommand } from '../cli.ts';
import { entryAt, settingsFile } from '../settings-file.ts';
import { addMcpCall } from './mcp-call.ts';
import { addMcpInspect } from './mcp-inspect.ts';
import { addMcpList } from './mcp-list.ts';
import { addMcpLogin } from './mcp-login.ts';
import { addMcpPins } from './mcp-pins.ts';
import { addMcpExport, addMcpImport } from './mcp-registry.ts';

export const addMcp: AddCommand = (program, bind) => {
  const mcp = program
    .command('mcp')
    .description('look at MCP servers, call their tools, agree to what they offer, log in to them');
  addMcpList(mcp, bind);
  addMcpInspect(mcp, bind);
  addMcpCall(mcp, bind);
  addMcpPins(mcp, bind);
  addMcpLogin(mcp, bind);
  common(
    mcp
      .command('restart')
      .description('begin anew with a server: its connections, its process, the secrets that its settings cite')
      .argument('<server>'),
  ).action(
    bind(async (cli, name: string) =>
      cli.show(await (await cli.client()).operate('mcp.restart', { name }), () => `Began anew with ${name}.`),
    ),
  );
  common(mcp.command('remove').description('take a server out; aip.yaml is not changed').argument('<server>')).action(
    bind(async (cli, name: string) => {
      const removed = await (await cli.client()).operate('mcp.remove', { name });
      const { file, text } = settingsFile(cli.world);
      const named = entryAt(text, ['mcp', 'servers', name]) !== undefined;
      const returns = `\nIt comes back with the next start: take mcp.servers.${name} out of ${file} as well.`;
      cli.show(removed, () => `Removed ${name}.${named ? returns : ''}`);
    }),
  );
  addMcpImport(mcp, bind);
  addMcpExport(mcp, bind);
};
