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

/** Whether the caller can be asked anything in the middle of a call. */
export const mayAsk = ({ accepts }: Message): boolean =>
  accepts.sampling === true || accepts.elicitation === true || accepts.roots === true;

/** Whether the caller has said that it wants to hear log messages. */
export const wantsLogs = ({ native }: Message): boolean => typeof native?.['logLevel'] === 'string';
