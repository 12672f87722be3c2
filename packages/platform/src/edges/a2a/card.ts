import type { JsonObject } from '@aip/wire';
import { EXTENSION, LEGACY_VERSION, PROTOCOL_VERSION } from './protocol.ts';

/** What a card is made from: an agent as `agents.get` shows it. */
export interface CardSubject {
  readonly name: string;
  readonly description: string;
  readonly version: string;
  readonly capabilities: readonly {
    readonly name: string;
    readonly description?: string;
    readonly title?: string;
    readonly tags?: readonly string[];
  }[];
}

/** An A2A 1.0 AgentCard in ProtoJSON (section 4.4.1). */
export interface AgentCard extends JsonObject {
  name: string;
  description: string;
  version: string;
}

const MODES = ['text/plain', 'application/json', 'application/octet-stream'];

const BEARER = { scheme: 'Bearer', description: 'A token of this gateway.' };

/** A pure projection: the same agent at the same URL always has the same card. `url` is that of its interfaces. */
export function cardOf(agent: CardSubject, url: string): AgentCard {
  return {
    name: agent.name,
    // A2A requires these texts; an agent need not have given any.
    description: agent.description || `${agent.name}, connected through AIP.`,
    version: agent.version || '0.0.0',
    supportedInterfaces: [
      { url, protocolBinding: 'JSONRPC', protocolVersion: PROTOCOL_VERSION },
      { url, protocolBinding: 'HTTP+JSON', protocolVersion: PROTOCOL_VERSION },
      { url, protocolBinding: 'JSONRPC', protocolVersion: LEGACY_VERSION },
    ],
    capabilities: {
      streaming: true,
      pushNotifications: false,
      extendedAgentCard: false,
      extensions: [
        {
          uri: EXTENSION,
          description:
            'Behind a governed gateway: metadata "aip.skill" names the skill; streams resume from Last-Event-ID; status metadata carries "aip.error", "aip.effect", "aip.ask" and "aip.progress".',
        },
      ],
    },
    // Said in the words of 0.3 too (`type` and its fields, unsigned): the official clients tell the two shapes apart by
    // `type`, and verify a card of the newer shape only after a translation that the signature does not survive.
    securitySchemes: { bearer: { type: 'http', ...BEARER, httpAuthSecurityScheme: BEARER } },
    securityRequirements: [{ schemes: { bearer: { list: [] } } }],
    defaultInputModes: [...MODES],
    defaultOutputModes: [...MODES],
    skills: agent.capabilities.map((capability) => ({
      id: capability.name,
      name: capability.title ?? capability.name,
      description: capability.description || capability.name,
      tags: capability.tags?.length ? [...capability.tags] : [capability.name],
    })),
  };
}
