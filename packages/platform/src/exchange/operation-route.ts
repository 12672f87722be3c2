import { AipError, type Json } from '@aip/wire';
import type { z } from 'zod';
import { argumentsOf, data } from '../kernel/body.ts';
import type { CatalogueEntry } from '../kernel/catalogue.ts';
import { jsonSchemaOf } from '../kernel/json-schema.ts';
import type { Message } from '../kernel/message.ts';
import type { Operation } from '../kernel/operation.ts';
import type { Route } from '../kernel/route.ts';

/** The platform's operations as a route: validates the input, runs the handler, hands its entries to the settlement. */
export function operationRoute(operations: ReadonlyMap<string, Operation>): Route {
  return {
    reach: 'local',
    async *deliver(call) {
      const operation = operations.get(call.entry.name);
      if (!operation) throw new AipError('UNKNOWN_TARGET', `There is no operation ${call.entry.name}.`);
      const input = validInput(operation, call.message);
      const result = await operation.handler(
        { principal: call.message.from, message: call.message, signal: call.signal },
        input,
      );
      yield {
        type: 'done',
        body: data(result.output as Json),
        ...(result.entries ? { entries: result.entries } : {}),
        ...(result.secret ? { secret: true } : {}),
      };
    },
  };
}

/** Throws INVALID_ARGUMENT that names the field. */
export function validInput(operation: Operation, message: Message): unknown {
  const parsed = operation.input.safeParse(argumentsOf(message.body));
  if (!parsed.success) throw invalidInput(operation.name, parsed.error);
  return parsed.data;
}

function invalidInput(name: string, error: z.ZodError): AipError {
  const issues = error.issues.slice(0, 10).map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
  const first = issues[0];
  return new AipError(
    'INVALID_ARGUMENT',
    `${name}: ${first?.path ? `${first.path}: ` : ''}${first?.message ?? 'invalid input'}`,
    { details: { issues } },
  );
}

export function operationEntries(operations: readonly Operation[]): CatalogueEntry[] {
  return operations.map((operation) => ({
    address: `operation:${operation.name}`,
    kind: 'operation',
    name: operation.name,
    owner: operation.name.slice(0, operation.name.indexOf('.')),
    ownerName: 'aip',
    description: operation.summary,
    inputSchema: jsonSchemaOf(operation.input, 'input'),
    outputSchema: jsonSchemaOf(operation.output, 'output'),
    effect: operation.effect,
    ...(operation.plane === 'control' ? { plane: 'control' as const } : {}),
    ...(operation.secrets ? { secrets: operation.secrets } : {}),
    idempotent: operation.effect === 'read',
    price: 0,
    state: 'active',
  }));
}
