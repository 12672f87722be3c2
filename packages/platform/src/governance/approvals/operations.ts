import { AipError } from '@aip/wire';
import { z } from 'zod';
import type { Exchange } from '../../exchange/index.ts';
import { keptMessage } from '../../exchange/records.ts';
import { allArgumentsOf } from '../../kernel/body.ts';
import { operation, type Operation } from '../../kernel/operation.ts';
import type { Principal } from '../../kernel/principal.ts';
import { ASKS, askKey, type AskRow } from './decider.ts';

/** An ask as it is shown, with what its kind says of itself (an approval: summary, policy, approvers, price). */
const askSchema = z.looseObject({
  id: z.string(),
  kind: z.string(),
  state: z.enum(['open', 'approved', 'denied', 'used', 'closed']),
  task: z.string(),
  from: z.string(),
  from_name: z.string(),
  to: z.string(),
  action: z.string(),
  arguments: z.record(z.string(), z.json()).optional(),
  asked_at: z.string(),
  expires_at: z.string().optional(),
  by: z.string().optional(),
  reason: z.string().optional(),
});

/** Asks to operators: listed, and answered once, from the dashboard, the CLI or REST. */
export function approvalOperations(exchange: () => Exchange): Operation[] {
  return [
    operation({
      name: 'asks.list',
      summary: 'Calls that wait for a person, or all that ever did.',
      effect: 'read',
      plane: 'control',
      input: z.object({
        state: z.enum(['open', 'all']).default('open'),
        limit: z.coerce.number().int().min(1).max(500).default(100),
      }),
      output: z.object({ asks: z.array(askSchema) }),
      handler({ principal }, { state, limit }) {
        const read = exchange().journal.read;
        const rows =
          state === 'open' ? read.open(principal.tenant, 'ask:') : read.list(principal.tenant, ASKS, { limit });
        const asks = rows
          .map((row) => row.value as unknown as AskRow)
          .filter((row) => state === 'all' || (row.state === 'open' && exchange().live.has(row.task)));
        return { output: { asks: asks.slice(0, limit).map((row) => view(row, exchange())) } };
      },
    }),
    operation({
      name: 'asks.answer',
      summary: 'Approves or denies a call that waits; an approval is for exactly these arguments at this price, once.',
      effect: 'write',
      plane: 'control',
      input: z.object({
        ask: z.string().min(1).max(128),
        verdict: z.enum(['approve', 'deny']),
        reason: z.string().max(500).optional(),
      }),
      output: z.object({ ask: z.string(), verdict: z.string() }),
      handler({ principal }, { ask, verdict, reason }) {
        const row = exchange().journal.read.row(principal.tenant, askKey(ask)) as unknown as AskRow | undefined;
        if (row) mayAnswer(principal, row);
        const head = { ask, verdict, by: principal.id, ...(reason === undefined ? {} : { reason }) };
        return { output: { ask, verdict }, entries: [{ kind: 'answer', head }] };
      },
    }),
  ];
}

/**
 * Who answers is one of those the policies name – `operators` is the role `operator` – and not the one who asks; or an
 * administrator, who could change the policies as well.
 */
function mayAnswer(principal: Principal, { from, ask }: AskRow): void {
  if (principal.roles.includes('admin')) return;
  if (principal.id === from)
    throw new AipError('PERMISSION_DENIED', 'Nobody approves a call of their own; somebody else has to answer.');
  const wanted = (ask.body['approvers'] as string).split(', ');
  const missing = wanted.filter(
    (name) => ![name, name.replace(/s$/, '')].some((role) => principal.roles.includes(role)),
  );
  if (missing.length === 0) return;
  throw new AipError(
    'PERMISSION_DENIED',
    `This call waits for ${wanted.join(' and ')}; you are not one of ${missing.join(', ')}.`,
  );
}

function view(row: AskRow, exchange: Exchange) {
  // The arguments live with the message, where they can be erased; an ask only carries their hash.
  const task = exchange.live.get(row.task);
  return {
    id: row.ask.id,
    kind: row.ask.kind,
    state: row.state,
    task: row.task,
    from: row.from,
    from_name: row.fromName,
    to: row.to,
    action: row.action,
    ...row.ask.body,
    ...(task ? { arguments: allArgumentsOf(keptMessage(task.message, task.target).body) } : {}),
    asked_at: new Date(row.asked).toISOString(),
    ...(row.ask.expires === undefined ? {} : { expires_at: new Date(row.ask.expires).toISOString() }),
    ...(row.by === undefined ? {} : { by: row.by }),
    ...(row.reason === undefined ? {} : { reason: row.reason }),
  };
}
