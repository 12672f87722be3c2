import { AipError, type IoapFrame } from '@aip/wire';
import { data } from '../../kernel/body.ts';
import type { Edge, Link } from './link.ts';
import { handleRequest } from './requests.ts';

type SignalFrame = Extract<IoapFrame, { type: 'OFFER' | 'ANSWER' | 'ICE_CANDIDATE' | 'ERROR' }>;
type FrameOf<T extends IoapFrame['type']> = Extract<IoapFrame, { type: T }>;

/** What a registered agent says; REGISTER and UNREGISTER are the connection's own matter. Throws what is wrong with it. */
export async function handleFrame(
  edge: Edge,
  link: Link,
  frame: Exclude<IoapFrame, FrameOf<'REGISTER' | 'UNREGISTER'>>,
  raw: string,
): Promise<void> {
  switch (frame.type) {
    case 'EXEC_REQUEST':
    case 'INTENT':
      return handleRequest(edge, link, frame, raw);
    case 'EXEC_RESPONSE':
      return handleResponse(edge, link, frame, raw);
    case 'OFFER':
    case 'ANSWER':
    case 'ICE_CANDIDATE':
      return handleSignal(edge, link, frame, raw);
    case 'ERROR':
      return handleError(edge, link, frame, raw);
    case 'PING':
      return link.send(() => edge.frames.write('PONG', link.did, frame.payload, { correlationId: frame.id }).raw);
    case 'PONG':
      return undefined;
  }
}

/** An answer counts only from the agent that was asked, for the frame it was sent. */
function handleResponse(edge: Edge, link: Link, frame: FrameOf<'EXEC_RESPONSE'>, raw: string): void {
  const id = frame.correlation_id ?? undefined;
  if (id === undefined)
    throw new AipError('INVALID_ARGUMENT', 'EXEC_RESPONSE names the request it answers in correlation_id.');
  const delivery = link.deliveries.get(id);
  if (delivery) return delivery.respond(frame, raw);
  if (edge.asked.has(id))
    throw new AipError('PERMISSION_DENIED', `Request ${id} was put to another agent; only that one answers it.`);
  throw new AipError('NOT_FOUND', `You have no open request ${id}; it may have been canceled or answered.`);
}

async function handleSignal(edge: Edge, link: Link, frame: SignalFrame, raw: string): Promise<void> {
  if (frame.to === edge.frames.did)
    throw new AipError('INVALID_ARGUMENT', `${frame.type} is meant for an agent; the gateway takes none.`);
  const draft = {
    to: frame.to.startsWith('did:') ? (`agent:${frame.to}` as const) : addressOfAgent(frame.to),
    action: 'signal',
    body: data({ type: frame.type, ...frame.payload }),
    signed: raw,
    idempotencyKey: `ioap:${frame.id}`,
    ...(frame.trace === undefined ? {} : { trace: { traceparent: frame.trace } }),
  } as const;
  try {
    await edge.exchange.signal(link.session, draft);
  } catch (error) {
    // Signals have no result to come back to, so the same bytes again are a replay as well.
    if (error instanceof AipError && error.code === 'DUPLICATE')
      throw new AipError('REPLAY_DETECTED', undefined, { cause: error });
    throw error;
  }
}

function addressOfAgent(to: string): `agent:${string}` {
  if (to.startsWith('agent:')) return to as `agent:${string}`;
  throw new AipError('INVALID_ARGUMENT', 'A signal goes to one agent: its DID, or agent:<name>.');
}

/**
 * ERROR cancels a request of one's own, fails one that was put to the sender, or refuses another agent's signal.
 * Anything else ends here: answering errors with errors would never end.
 */
async function handleError(edge: Edge, link: Link, frame: FrameOf<'ERROR'>, raw: string): Promise<void> {
  const id = frame.correlation_id ?? '';
  const canceled = frame.payload.code === 'CANCELED';
  const call = canceled ? link.calls.get(id) : undefined;
  if (call) return call.cancel('caller');
  const delivery = link.deliveries.get(id);
  if (delivery) return delivery.fail(frame);
  if (canceled)
    throw new AipError(
      'TASK_NOT_CANCELABLE',
      `You have no open request ${id || 'without a correlation_id'} to cancel.`,
    );
  if (frame.to.startsWith('did:') && frame.to !== edge.frames.did) return handleSignal(edge, link, frame, raw);
}
