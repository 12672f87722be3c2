import { expect } from 'vitest';
import type { Session } from '../../kernel/session.ts';
import { toolCall, type TestCore } from '../../main/testing.ts';
import { STARTER_FILE, STARTER_POLICY } from '../policy/index.ts';

export interface Ask {
  readonly id: string;
  readonly task: string;
  readonly state: string;
  readonly arguments?: unknown;
}

export const asks = async (core: TestCore, state = 'open'): Promise<readonly Ask[]> =>
  (await core.operate<{ asks: readonly Ask[] }>('asks.list', { state })).asks;

export const answer = (core: TestCore, ask: string, verdict: 'approve' | 'deny', session?: Session, reason?: string) =>
  core.operate('asks.answer', { ask, verdict, ...(reason === undefined ? {} : { reason }) }, session);

/** The starter policy, with approvals that expire after `time`. */
export const expiring = (time: string) => ({
  policies: { [STARTER_FILE]: STARTER_POLICY.replace('@approve_expires("1h")', `@approve_expires("${time}")`) },
});

export async function parked(core: TestCore, session: Session, input = {}) {
  const call = await core.exchange.send(session, toolCall('write', input));
  expect(call.last).toMatchObject({ type: 'asked', state: 'auth_required' });
  const [ask] = (await asks(core)).filter(({ task }) => task === call.taskId);
  return { call, ask: ask!.id };
}
