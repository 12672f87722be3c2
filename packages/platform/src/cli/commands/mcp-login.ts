import type { AipClient } from '@aip/sdk';
import { aipErrorFromBody, AipError } from '@aip/wire';
import type { Command } from 'commander';
import { common, type Bind, type Cli } from '../cli.ts';
import { secondsOf } from '../duration.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { printable } from '../table.ts';
import { when } from '../times.ts';

interface LoginFlags {
  readonly timeout?: number;
  readonly wait: boolean;
}

/** `login` and `logout`, of whoever the command speaks for. */
export function addMcpLogin(mcp: Command, bind: Bind): void {
  common(
    mcp
      .command('login')
      .description('log in to a server that wants to know its users, with OAuth')
      .argument('<server>')
      .option('--timeout <duration>', 'wait for the browser no longer than this, such as 30s or 5m', secondsOf)
      .option('--no-wait', 'print the URL, and do not wait for the browser'),
  )
    .addHelpText(
      'after',
      '\nThe login is yours: of whoever the command speaks for. Its tokens are kept\nencrypted and renewed by themselves. Ctrl-C ends the waiting only;\nthe URL stays good until its time is over.',
    )
    .action(bind(login));

  common(mcp.command('logout').description('forget your login at a server').argument('<server>')).action(
    bind(async (cli, server: string) =>
      cli.show(await (await cli.client()).operate('mcp.logout', { server }), () => `You are logged out of ${server}.`),
    ),
  );
}

async function login(cli: Cli, server: string, { timeout, wait }: LoginFlags): Promise<ExitCode | void> {
  const client = await cli.client();
  const begun = await client.operate('mcp.login', { server });
  const invitation = `Open this in a browser before ${when(begun.expires_at)}:\n${printable(begun.url)}`;
  if (!wait) return cli.show(begun, () => invitation);

  // Before anything is told: whoever has read it may press Ctrl-C at once.
  const leaving = new AbortController();
  void cli.world.stopped().then(() => leaving.abort('stopped'));
  // With -o json, standard output is for how it ends.
  if (cli.json) cli.world.err(invitation);
  else cli.world.out(invitation);

  const until = Math.min(Date.parse(begun.expires_at), timeout === undefined ? Infinity : Date.now() + timeout * 1000);
  const late = setTimeout(() => leaving.abort('late'), Math.max(0, until - Date.now()));
  try {
    const end = await endOf(client, begun.login, leaving.signal);
    if (end.state === 'failed') throw aipErrorFromBody(end.error);
    cli.show(end, () => `You are logged in to ${server}.`);
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
    if (leaving.signal.reason === 'late')
      throw new AipError(
        'TIMEOUT',
        `Nobody has logged in to ${server} in time; "aip mcp login ${server}" begins anew.`,
      );
    cli.world.err(`Not waiting any more; the URL stays good until ${when(begun.expires_at)}.`);
    return EXIT.failed;
  } finally {
    clearTimeout(late);
  }
}

/** The platform waits for a while each time it is asked. */
async function endOf(client: AipClient, id: string, signal: AbortSignal) {
  for (;;) {
    const answer = await client.operate('mcp.await_login', { login: id }, { signal });
    if (answer.state !== 'open') return answer;
  }
}
