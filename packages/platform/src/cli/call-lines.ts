import type { JsonObject } from '@aip/wire';
import type { Exchange } from '../exchange/index.ts';
import { parseAddress, splitOwned } from '../kernel/address.ts';
import type { Entry } from '../kernel/entry.ts';
import type { TaskHead } from '../kernel/task.ts';
import { printable, short, type Style } from './table.ts';
import { clock, took } from './times.ts';

/** Operations whose work has an entry of its own, which says more than that they were called. */
const SAID_BY_ENTRIES: ReadonlySet<string> = new Set(
  [
    'agents.remove',
    'kills.kill',
    'kills.pause',
    'kills.release',
    'asks.answer',
    'agents.admit',
    'agents.connect',
    'agents.disconnect',
  ].map((name) => `operation:${name}`),
);

/**
 * What `aip dev` tells of the messages that cross: for each a line when it is refused, when it has to wait for a person,
 * and when it has ended; and what operators do meanwhile. Nothing for what only reads the platform itself.
 */
export function callLines({ journal, catalogue }: Exchange, style: Style): (entry: Entry) => string | undefined {
  /** Under the columns of the log: time, what it is, and what is said. */
  const line = ({ at }: Entry, kind: 'call ' | 'info ' | 'stop ', ...said: readonly string[]): string =>
    [style('dim', clock(at)), style('dim', kind), ...said.filter((part) => part !== '')].join('  ');

  /** Of an agent as it says, of a user as the issuer does. */
  const nameOf = (id: string): string =>
    printable(catalogue.get(`agent:${id}`)?.name ?? short(id.replace(/^(?:user|service):/, '')));

  /** `planner → hello/greet over mcp`. */
  function call({ from, fromName, to, edge }: { from: string; fromName?: string; to: string; edge: string }): string {
    return printable(`${fromName ?? nameOf(from)} → ${targetOf(to)} over ${edge}`);
  }

  function targetOf(address: string): string {
    const { kind, name } = parseAddress(address);
    const { owner, name: what } = splitOwned(name);
    if (kind === 'skill') return `${nameOf(owner)}/${what}`;
    if (kind === 'agent') return nameOf(name);
    return kind === 'operation' || kind === 'tool' ? name : `${kind} ${short(name)}`;
  }

  function ended(entry: Entry): string | undefined {
    const task = journal.read.row(entry.tenant, `task:${entry.task}`) as unknown as TaskHead | undefined;
    if (!task || (SAID_BY_ENTRIES.has(task.to) && task.state === 'completed')) return undefined;
    const opened = journal.read.entry(entry.tenant, task.entry)?.head['policies'];
    const { code, reason, resolution } = entry.head;
    const outcome = `${task.state}${typeof code === 'string' ? `: ${code}` : typeof reason === 'string' ? ` (${reason})` : ''}`;
    return line(
      entry,
      'call ',
      call(task),
      `passed${policies(opened)}`,
      style(task.state === 'completed' ? 'green' : 'red', printable(outcome)),
      style('dim', took(entry.at - task.created)),
      task.hold && resolution === 'captured' ? units(task.hold.amount) : '',
    );
  }

  return (entry) => {
    const { kind, head } = entry;
    const text = (name: string): string => (typeof head[name] === 'string' ? head[name] : '');
    const meant = {
      from: text('from'),
      fromName: text('fromName') || nameOf(text('from')),
      to: text('to'),
      edge: text('edge'),
    };
    switch (kind) {
      case 'settle':
        return ended(entry);
      case 'deny':
        return line(
          entry,
          'call ',
          call(meant),
          style('red', `denied by ${text('guard')}${policies(head['policies'])}`),
          `${text('code')}: ${printable(short(text('reason')))}`,
        );
      case 'park': {
        const ask = (head['ask'] as { id: string }).id;
        return line(
          entry,
          'call ',
          call(meant),
          style('yellow', `waits for a person${policies(head['policies'])}`),
          `aip approve ${ask}`,
        );
      }
      case 'signal':
        return line(entry, 'call ', call(meant), `passed${policies(head['policies'])}`, style('green', 'delivered'));
      case 'answer':
        return line(
          entry,
          'info ',
          `${nameOf(text('by'))} has ${ANSWERED[text('verdict')] ?? 'answered'} ${text('ask')}`,
        );
      case 'kill': {
        const done = text('mode') === 'pause' ? 'paused' : 'killed';
        return line(
          entry,
          'stop ',
          style('red', `${nameOf(text('by'))} has ${done} ${scopeOf(text('scope'))}`),
          because(head),
        );
      }
      case 'release':
        return line(
          entry,
          'stop ',
          style('green', `${nameOf(text('by'))} has released ${scopeOf(text('scope'))}`),
          because(head),
        );
      case 'agent.request':
        return line(
          entry,
          'info ',
          style('yellow', `${printable(text('name'))} asks to join`),
          `aip agent admit ${text('did')}`,
        );
      case 'agent.admit':
        return line(
          entry,
          'info ',
          `${printable(text('name'))} is admitted ${text('join') ? 'by its join token' : `by ${nameOf(text('by'))}`}`,
        );
      case 'agent.connect':
        return line(entry, 'info ', `${nameOf(text('did'))} is connected`);
      case 'agent.disconnect':
        return line(entry, 'info ', `${nameOf(text('did'))} has left`);
      case 'agent.remove':
        return line(entry, 'info ', `${nameOf(text('by'))} has removed ${printable(text('name'))}`);
      default:
        return undefined;
    }
  };

  function scopeOf(scope: string): string {
    return printable(scope.startsWith('agent:') ? `agent:${nameOf(scope.slice(6))}` : scope);
  }
}

const ANSWERED: Readonly<Record<string, string>> = { approve: 'approved', deny: 'denied' };

/** Whoever gives no reason gives none. */
const because = ({ reason }: JsonObject): string =>
  typeof reason === 'string' && reason !== 'no reason given' ? printable(reason) : '';

const units = (amount: number): string => (amount === 1 ? '1 unit' : `${amount} units`);

const policies = (ids: unknown): string =>
  Array.isArray(ids) && ids.length > 0 ? ` (${ids.map((id) => printable(String(id))).join(', ')})` : '';
