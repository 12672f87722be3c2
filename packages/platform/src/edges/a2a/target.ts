import { AipError, type JsonObject } from '@aip/wire';
import type { Exchange } from '../../exchange/index.ts';
import type { Address } from '../../kernel/address.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { SendRequest } from './request.ts';

/** The agent that an interface stands for; the gateway's own interface stands for none. @throws AipError UNKNOWN_AGENT */
export const agentOf = (exchange: Exchange, name: string): CatalogueEntry =>
  exchange.catalogue.resolve(`agent:${name}`);

/** Where a message goes: the skill that its metadata names, else the only skill that there is, else the agent itself. */
export function targetOf(exchange: Exchange, agent: CatalogueEntry | undefined, request: SendRequest): Address {
  const named = namedSkill(request.message.metadata) ?? namedSkill(request.metadata);
  return agent ? targetOfAgent(exchange, agent, named) : targetOfGateway(exchange, named);
}

function targetOfAgent(exchange: Exchange, agent: CatalogueEntry, named: string | undefined): Address {
  if (named !== undefined) return `skill:${agent.owner}/${named}`;
  const skills = exchange.catalogue.list({ kind: 'skill', owner: agent.owner });
  return skills.length === 1 ? (skills[0] as CatalogueEntry).address : agent.address;
}

/** On the gateway's card a skill is `<agent>.<skill>`; a bare name means any agent that has the capability. */
function targetOfGateway(exchange: Exchange, named: string | undefined): Address {
  if (named === undefined) {
    const skills = exchange.catalogue.list({ kind: 'skill' }).filter((skill) => skill.state === 'active');
    if (skills.length === 1) return (skills[0] as CatalogueEntry).address;
    throw new AipError(
      'INVALID_ARGUMENT',
      `message.metadata: name the skill as "aip.skill"; this gateway's card lists ${skills.length} of them.`,
    );
  }
  const dot = named.indexOf('.');
  return dot < 1 ? `capability:${named}` : `skill:${named.slice(0, dot)}/${named.slice(dot + 1)}`;
}

function namedSkill(metadata: JsonObject | undefined): string | undefined {
  const skill = metadata?.['aip.skill'] ?? metadata?.['skill'];
  if (skill === undefined) return undefined;
  if (typeof skill !== 'string' || skill === '' || skill.length > 256)
    throw new AipError('INVALID_ARGUMENT', 'metadata["aip.skill"]: expected the name of a skill.');
  return skill;
}
