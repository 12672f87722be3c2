import { claim } from '@aip/conformance';
import { canonicalJson, type Json, type JsonObject } from '@aip/wire';
import { expect, it } from 'vitest';
import type { Entry } from '../kernel/entry.ts';
import { agentDecider, agentKey } from './decider.ts';

const DID = 'did:key:scout';
const entry = (seq: number, kind: string, head: JsonObject): Entry => ({
  tenant: 'default',
  seq,
  at: 1_000 + seq,
  kind,
  head: { did: DID, ...head },
});

it(`decides alike whether it reads what was sent or what the log has kept of it ${claim('G-AUDIT.rows-follow')}`, () => {
  const card = { version: '1', protocol: 'ioap', description: 'Looks.', capabilities: [{ price: 0, name: 'look' }] };
  const entries = [
    entry(0, 'agent.admit', { name: 'scout', roles: [], by: 'user:admin' }),
    entry(1, 'agent.connect', { card }),
  ];
  const rows = new Map<string, Json>();
  for (const each of entries) {
    const decision = agentDecider.decide((key) => rows.get(key), each);
    if ('refuse' in decision) throw new Error(decision.refuse.message);
    for (const { key, value } of decision) rows.set(key, value);
  }
  const kept = (key: string): Json | undefined => {
    const row = rows.get(key);
    return row === undefined ? undefined : (JSON.parse(canonicalJson(row)) as Json);
  };
  expect(kept(agentKey(DID))).toMatchObject(card);
  for (const read of [(key: string) => rows.get(key), kept])
    expect(agentDecider.decide(read, entry(2, 'agent.connect', { card }))).toEqual([]);
});
