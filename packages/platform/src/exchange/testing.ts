import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteReader } from '../engines/sqlite/reader.ts';
import { openSqliteStore } from '../engines/sqlite/store.ts';
import { createJournal } from '../journal/journal.ts';
import { createWriter } from '../journal/writer.ts';
import { systemClock, type Clock } from '../kernel/clock.ts';
import type { Decider } from '../kernel/entry.ts';
import { PASS, type LimitGuard } from '../kernel/guard.ts';
import type { Operation } from '../kernel/operation.ts';
import { ANONYMOUS, DEFAULT_TENANT, type Credential, type Principal } from '../kernel/principal.ts';
import { createExchange, type Exchange } from './exchange.ts';
import type { Slots } from './pipeline.ts';
import { idempotencyDecider, taskDecider } from './task-decider.ts';

/** A guard that lets everything pass. */
export const passing = (name: string): LimitGuard => ({ name, admit: () => PASS, weigh() {} });

/** A bearer token `name` is the service of that name; a DID is its agent. No secrets: for tests only. */
export function trusting(credential: Credential): Principal {
  if (credential.kind === 'signed')
    return {
      id: credential.did,
      kind: 'agent',
      name: credential.did.slice(-8),
      tenant: DEFAULT_TENANT,
      assurance: 'signature',
      roles: [],
    };
  if (credential.kind === 'none') return ANONYMOUS;
  if (credential.kind === 'proved') return credential.principal;
  const name = credential.kind === 'bearer' ? credential.token : credential.name;
  return {
    id: `service:${name}`,
    kind: 'service',
    name,
    tenant: DEFAULT_TENANT,
    assurance: 'token',
    roles: ['caller'],
  };
}

export interface TestExchangeOptions {
  readonly slots?: Partial<Slots>;
  readonly operations?: readonly Operation[];
  readonly deciders?: readonly Decider[];
  readonly clock?: Clock;
  /** A data folder that outlives this exchange, for tests of a restart; without it a fresh one that goes with it. */
  readonly folder?: string;
}

/** A real exchange over a real journal in a temporary folder, with guards that pass unless the test gives its own. */
export async function createTestExchange(
  options: TestExchangeOptions = {},
): Promise<{ exchange: Exchange; folder: string } & AsyncDisposable> {
  const { clock = systemClock } = options;
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'aip-test-'));
  const file = join(folder, 'aip.db');
  const writer = await createWriter({
    store: openSqliteStore(file),
    deciders: [taskDecider, idempotencyDecider, ...(options.deciders ?? [])],
    now: () => clock.now(),
    signCheckpoint: () => 'unsigned',
  });
  const reader = openSqliteReader(file);
  const journal = createJournal(writer, reader);
  const slots: Slots = {
    authenticate: trusting,
    limit: passing('limit'),
    gate: passing('gate'),
    trust: passing('trust'),
    policy: passing('policy'),
    approve: passing('approve'),
    budget: passing('budget'),
    ...options.slots,
  };
  const exchange = createExchange({ journal, slots, operations: options.operations ?? [], clock });
  return {
    exchange,
    folder,
    async [Symbol.asyncDispose]() {
      reader.close();
      await writer.close();
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}
