import { randomBytes } from 'node:crypto';
import { createRequestStateCodec, type RequestStateCodec, type ServerContext } from '@modelcontextprotocol/server';
import type { Exchange } from '../../exchange/index.ts';
import type { Session } from '../../kernel/session.ts';
import type { Directory, Scope } from './directory.ts';
import { createDirectory } from './directory.ts';

/** What all endpoints of one platform share. */
export interface Edge {
  readonly exchange: Exchange;
  readonly directory: Directory;
  /** Seals what a client has to bring back when it answers an ask; another's state, or one from before a restart, is refused. */
  readonly states: RequestStateCodec<AskState>;
}

/** Who is served, and which part of the platform. */
export interface Client {
  readonly session: Session;
  readonly scope: Scope;
}

/** Where a call stands that waits for its caller's answer. */
export interface AskState {
  readonly task: string;
  /** Number of the event that asked: following goes on after it. */
  readonly n: number;
  /** The address that was called: the answer belongs to that call only. */
  readonly to: string;
}

/** How long a client may take to answer, in seconds. */
const ANSWER_WITHIN = 900;

export function createEdge(exchange: Exchange): Edge {
  return {
    exchange,
    directory: createDirectory(exchange.catalogue),
    states: createRequestStateCodec<AskState>({ key: randomBytes(32), ttlSeconds: ANSWER_WITHIN, bind: principalOf }),
  };
}

const principalOf = (ctx: ServerContext): string => ctx.http?.authInfo?.clientId ?? 'stdio';
