import type { z } from 'zod';
import type { Effect } from './catalogue.ts';
import type { EntryDraft } from './entry.ts';
import type { Message } from './message.ts';
import type { Principal } from './principal.ts';

export interface OperationCall {
  readonly principal: Principal;
  readonly message: Message;
  readonly signal: AbortSignal;
}

/** A handler's result: the output, and the entries that are committed in one group with the settlement. */
export interface OperationResult<Output> {
  readonly output: Output;
  readonly entries?: readonly EntryDraft[];
  /** The output holds a secret: the caller gets it, the log does not. */
  readonly secret?: true;
}

/**
 * Something the platform itself can do. Defined once; edges project it as an MCP tool, a REST endpoint, a CLI
 * command and a typed SDK method, and Cedar actions, audit names and documentation come from the same definition.
 */
export interface Operation<Input = unknown, Output = unknown> {
  /** `<domain>.<verb>`, e.g. `agents.list`. */
  readonly name: string;
  readonly summary: string;
  readonly effect: Effect;
  /** Control-plane operations skip gate and budget, never authentication, policy or record. */
  readonly plane: 'data' | 'control';
  readonly input: z.ZodType<Input>;
  readonly output: z.ZodType<Output>;
  /** Input fields that are secrets: the handler gets them, the log does not. */
  readonly secrets?: readonly (keyof Input & string)[];
  /**
   * Takes effect in memory once the guards have passed it, before anything is written: a kill has to work even
   * when the log cannot. Returns what to answer if the log then cannot take the message; else the handler runs,
   * when the log has it.
   */
  latch?(call: Omit<OperationCall, 'signal'>, input: Input): Output;
  handler(call: OperationCall, input: Input): Promise<OperationResult<Output>> | OperationResult<Output>;
}

/** Declares an operation with its types inferred from the schemas. */
export const operation = <Input, Output>(definition: Operation<Input, Output>): Operation =>
  definition as unknown as Operation;
