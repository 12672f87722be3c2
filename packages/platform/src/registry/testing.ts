import { generateKeyPair } from '@aip/wire';
import type { TestCore } from '../main/testing.ts';
import type { AgentView } from './agent.ts';

export const stranger = (core: TestCore) => core.as({ kind: 'signed', did: generateKeyPair().did }, 'ioap');

export const invite = async (core: TestCore, input = {}): Promise<string> =>
  (await core.operate<{ join_token: string }>('agents.invite', input)).join_token;

export const connect = (core: TestCore, session: TestCore['admin'], input = {}) =>
  core.operate<AgentView & object>('agents.connect', input, session);

export const list = async (core: TestCore, input = {}): Promise<AgentView[]> =>
  (await core.operate<{ agents: AgentView[] }>('agents.list', input)).agents;
