import { AipError, type Json, type JsonObject } from '@aip/wire';
import type { FastifyInstance } from 'fastify';
import { outputOf, type Exchange } from '../../exchange/index.ts';
import { data } from '../../kernel/body.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Session } from '../../kernel/session.ts';
import { closing } from '../../kernel/when-closed.ts';
import { callerOf } from './caller.ts';
import { bodyInput, idempotencyKey, queryInput } from './input.ts';

interface OperationPath {
  Params: { domain: string; verb: string };
}

/** Every operation of the catalogue as `/v1/<domain>/<verb>`: POST with JSON, and GET for those that only read. */
export function operationRoutes(app: FastifyInstance, exchange: Exchange): void {
  app.get<OperationPath>('/v1/:domain/:verb', async (request, reply) => {
    const operation = find(exchange, request.params);
    if (operation.effect !== 'read') {
      reply.header('allow', 'POST');
      throw new AipError('UNSUPPORTED_OPERATION', `${operation.name} changes something: call it with POST.`);
    }
    const output = await exchange.operate(
      callerOf(exchange, request),
      operation.name,
      queryInput(request.query, operation.inputSchema),
      closing(reply.raw),
    );
    return reply.type('application/json').send(JSON.stringify(output));
  });

  app.post<OperationPath>('/v1/:domain/:verb', async (request, reply) => {
    const operation = find(exchange, request.params);
    const key = idempotencyKey(request.headers['idempotency-key']);
    const input = bodyInput(request.body);
    const output = await operate(exchange, callerOf(exchange, request), operation, input, key, closing(reply.raw));
    return reply.type('application/json').send(JSON.stringify(output));
  });
}

function find(exchange: Exchange, { domain, verb }: OperationPath['Params']): CatalogueEntry {
  const operation = exchange.catalogue.get(`operation:${domain}.${verb}`);
  if (operation) return operation;
  throw new AipError(
    'NOT_FOUND',
    `There is no operation ${domain.slice(0, 64)}.${verb.slice(0, 64)}; /openapi.json lists those there are.`,
  );
}

async function operate(
  exchange: Exchange,
  session: Session,
  operation: CatalogueEntry,
  input: JsonObject,
  key: string | undefined,
  caller: AbortSignal,
): Promise<Json> {
  // Reading twice does no harm, so a key changes nothing there.
  if (key === undefined || operation.effect === 'read') return exchange.operate(session, operation.name, input, caller);
  const call = await exchange.send(session, {
    to: operation.address,
    action: 'operate',
    body: data(input),
    idempotencyKey: key,
  });
  return outputOf(call);
}
