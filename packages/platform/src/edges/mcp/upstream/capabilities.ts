import { isJsonObject } from '@aip/wire';
import type { ClientCapabilities } from '@modelcontextprotocol/client';
import type { Message } from '../../../kernel/message.ts';

/** What the caller of a message can be asked, as an MCP client declares it: in its own words if it is one. */
export function capabilitiesOf({ accepts, native }: Message): ClientCapabilities {
  const declared = native?.['capabilities'];
  if (isJsonObject(declared)) return declared;
  return {
    ...(accepts.sampling ? { sampling: {} } : {}),
    ...(accepts.elicitation ? { elicitation: { form: {}, url: {} } } : {}),
    ...(accepts.roots ? { roots: {} } : {}),
  };
}
