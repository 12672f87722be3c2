import type { IoapFrame, IoapPayloads, Json, JsonObject } from '@aip/wire';
import type { OpenRequest } from './open-requests.ts';
import { errorFrom } from './remote-error.ts';

/** Takes the frame as the answer to a request; false if it is none. */
export function takeAnswer(request: OpenRequest, frame: IoapFrame): boolean {
  if (frame.type === 'EXEC_RESPONSE') {
    const {
      status,
      result = null,
      error,
      ...rest
    } = frame.payload as IoapPayloads['EXEC_RESPONSE'] & { kind?: Json; effect?: Json; task_id?: Json };
    const extra = Object.fromEntries(
      Object.entries({ effect: rest.effect, task_id: rest.task_id }).filter(([, value]) => value !== undefined),
    ) as JsonObject;
    if (status === 'partial') request.partial(result, typeof rest.kind === 'string' ? rest.kind : 'output');
    else if (status === 'success') request.resolve(result);
    else request.reject(errorFrom(error, extra));
    return true;
  }
  if (frame.type === 'ERROR') {
    request.refuse(errorFrom(frame.payload));
    return true;
  }
  if (frame.type === 'PONG') request.resolve(null);
  return frame.type === 'PONG';
}
