import { generateKeyPair, type JsonObject } from '@aip/wire';
import type { FixtureLog } from './fixture-log.testing.ts';

const did = (): string => generateKeyPair().did;

const agent = (name: string, description: string, capabilities: JsonObject[]): JsonObject => ({
  did: did(),
  name,
  description,
  version: '1.0.0',
  state: 'connected',
  protocol: 'ioap',
  capabilities,
  roles: [],
  admitted_at: new Date(Date.now() - 3_600_000).toISOString(),
  admitted_by: 'join:k3v9',
  connected_at: new Date(Date.now() - 600_000).toISOString(),
  last_activity: new Date(Date.now() - 4_000).toISOString(),
});

const capability = (name: string, description: string, price: number): JsonObject => ({
  name,
  description,
  effect: 'external',
  idempotent: false,
  price,
});

export const AGENTS = {
  researcher: agent('researcher', 'Finds sources and reads them.', [
    capability('search', 'Searches the library.', 5),
    capability('summarise', 'Summarises a text.', 3),
  ]),
  writer: agent('writer', 'Drafts and revises texts.', [capability('draft', 'Writes a first draft.', 8)]),
  archivist: { ...agent('archivist', '', []), state: 'offline' } as JsonObject,
};

const STRANGER: JsonObject = { did: did(), name: 'newcomer', asked: Date.now() - 90_000 };

type Name = keyof typeof AGENTS;

const didOf = (name: Name): string => AGENTS[name]['did'] as string;

const SCOPES = ['global', 'tenant:default', 'protocol:ioap'];

/** The head of an accept or deny; `to` names agents by their name. */
export function messageHead(from: Name, to: string, edge: string): JsonObject {
  const address = to.replace(/^(skill|agent):(\w+)/, (_all, kind: string, name: Name) => `${kind}:${didOf(name)}`);
  return {
    message: crypto.randomUUID(),
    from: didOf(from),
    fromName: from,
    to: address,
    action: to.startsWith('tool:') ? 'call' : 'invoke',
    edge,
    scopes: [...SCOPES, `agent:${didOf(from)}`],
    policies: ['starter'],
  };
}

/** Two agents at work for two minutes: calls, a loop that its budget ends, a write that waits for approval. */
export function tellStory(log: FixtureLog) {
  const start = Date.now() - 118_000;
  log.append('agent.connect', { did: didOf('researcher'), name: 'researcher' }, undefined, start);
  log.append('agent.connect', { did: didOf('writer'), name: 'writer' }, undefined, start);
  for (let step = 0; step < 116; step++) {
    const at = start + step * 1000;
    const calls = 1 + Math.round(4 + 3 * Math.sin(step / 9) + ((step * 7) % 5) / 2);
    for (let call = 0; call < calls; call++) talk(log, step * 31 + call, at + call * 90, step > 80 && call > 3);
  }
  const task = crypto.randomUUID();
  const ask = { id: crypto.randomUUID(), of: 'operators', kind: 'approval', body: {} };
  log.append('park', { ...messageHead('researcher', 'tool:files/write_file', 'mcp'), ask }, task);
  return {
    agents: Object.values(AGENTS),
    pending: [STRANGER],
    asks: [parked(ask.id, task)],
    budgets: [
      budget('researcher', 1_000, 912, 40, 20),
      budget('writer', 500, 130, 0, null),
      budgetOf(REMOVED, REMOVED),
    ],
  };
}

function talk(log: FixtureLog, number: number, at: number, refuse: boolean): void {
  const [from, to, edge] = ROUTES[number % ROUTES.length] as [Name, string, string];
  if (refuse) {
    log.append(
      'deny',
      {
        ...messageHead(from, to, edge),
        guard: 'budget',
        code: 'BUDGET_EXCEEDED',
        reason: 'The daily budget of researcher is used up: 1,000 of 1,000 units.',
      },
      undefined,
      at,
    );
    return;
  }
  const task = crypto.randomUUID();
  log.append(
    'accept',
    {
      ...messageHead(from, to, edge),
      hold: { payer: didOf(from), payee: didOf('writer'), amount: 5, day: '2026-11-21' },
    },
    task,
    at,
  );
  if (number % 17 === 3)
    log.append('settle', { type: 'canceled', state: 'canceled', effect: 'none', reason: 'deadline' }, task, at + 40);
  else if (number % 3 > 0) log.append('settle', { type: 'done', state: 'completed', effect: 'applied' }, task, at + 12);
}

const ROUTES: readonly [Name, string, string][] = [
  ['researcher', 'skill:writer/draft', 'ioap'],
  ['writer', 'skill:researcher/search', 'ioap'],
  ['researcher', 'tool:files/read_file', 'mcp'],
  ['writer', 'agent:researcher', 'a2a'],
];

const parked = (id: string, task: string): JsonObject => ({
  id,
  kind: 'approval',
  state: 'open',
  task,
  from: didOf('researcher'),
  from_name: 'researcher',
  to: 'tool:files/write_file',
  action: 'call',
  summary: 'researcher wants to call files/write_file',
  policy: 'writes-need-a-person',
  approvers: 'operators',
  arguments: {
    path: '/srv/reports/durable-logs.md',
    content: '# Durable logs\n\nThree papers, one idea: the order of the entries is the truth.',
    overwrite: true,
  },
  asked_at: new Date(Date.now() - 20_000).toISOString(),
  expires_at: new Date(Date.now() + 14 * 60_000).toISOString(),
});

/** An agent that is no more: what it has spent stays, under its DID. */
const REMOVED = did();

const budgetOf = (principal: string, name: string): JsonObject => ({
  ...budget('writer', 300, 4, 0, null),
  principal,
  name,
});

const budget = (name: Name, perDay: number, spent: number, held: number, perCall: number | null): JsonObject => ({
  principal: didOf(name),
  name,
  per_call: perCall,
  per_day: perDay,
  total: name === 'researcher' ? 20_000 : null,
  spent_today: spent,
  spent_total: spent * 7,
  held,
});
