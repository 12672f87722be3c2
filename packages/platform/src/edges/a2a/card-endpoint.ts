import { createHash } from 'node:crypto';
import { toAipError, type JsonObject } from '@aip/wire';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Exchange } from '../../exchange/index.ts';
import type { CatalogueEntry } from '../../kernel/catalogue.ts';
import type { Session } from '../../kernel/session.ts';
import { authenticate, sessionOf } from './caller.ts';
import { cardOf, type AgentCard, type CardSubject } from './card.ts';
import { httpFailure } from './http-json.ts';
import { legacyCardOf } from './legacy.ts';
import { agentOf } from './target.ts';

/** A card may be this old before a client asks again, in seconds. */
const MAX_AGE = 60;
/** Signed cards kept, so that a card is signed when it changes and not when it is read. */
const MAX_SIGNED = 500;
/** Skills on the gateway's own card. */
const MAX_SKILLS = 1_000;

export interface CardOptions {
  /** Signs a card with the gateway's key (section 8.4). */
  readonly signCard: (card: AgentCard) => AgentCard;
  /** Origin that interfaces are named by; without it that of the request. Forwarded headers are never believed. */
  readonly publicUrl?: string | undefined;
  /** The platform's own, on the card of the gateway. */
  readonly version: string;
}

/** Serves the signed cards: `agent` is the name in the path, without it the card of the gateway itself. */
export function cardHandler(exchange: Exchange, { signCard, publicUrl, version }: CardOptions) {
  const signed = new Map<string, Tagged>();

  return async function handle(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    try {
      const { agent } = request.params as { agent?: string };
      const session = sessionOf(exchange, authenticate(exchange, request));
      const base = `${publicUrl ?? `${request.protocol}://${request.host}`}/a2a`;
      const { subject, url } =
        agent === undefined ? { subject: await gateway(session), url: base } : await subjectNamed(session, agent, base);
      const card = cardOf(subject, url);
      const isLegacy = /^\s*0\.3/.test(String(request.headers['a2a-version'] ?? ''));
      return await answer(request, reply, isLegacy ? tagged(legacyCardOf(card, url)) : sign(card));
    } catch (error) {
      return httpFailure(reply, error);
    }
  };

  async function subjectNamed(
    session: Session,
    name: string,
    base: string,
  ): Promise<{ subject: CardSubject; url: string }> {
    const entry = agentOf(exchange, name);
    return { subject: await subjectOf(session, entry), url: `${base}/${entry.owner}` };
  }

  /** A remote agent is in the catalogue only; whoever connected here is in the registry. */
  async function subjectOf(session: Session, entry: CatalogueEntry): Promise<CardSubject> {
    try {
      return (await exchange.operate(session, 'agents.get', { agent: entry.owner })) as unknown as CardSubject;
    } catch (error) {
      if (toAipError(error).code !== 'UNKNOWN_AGENT') throw error;
    }
    const skills = (await entries(session, { owner: entry.owner })).filter((other) => other.kind === 'skill');
    return { name: entry.name, description: entry.description, version: '', capabilities: skills };
  }

  /** The gateway as one agent whose skills are those of all connected agents, as `<agent>.<skill>`. */
  async function gateway(session: Session): Promise<CardSubject> {
    const skills = (await visibleSkills(session)).filter((skill) => skill.state === 'active').slice(0, MAX_SKILLS);
    const capabilities = skills.map((skill) => ({
      name: `${skill.ownerName}.${skill.name}`,
      description: skill.description,
      tags: [skill.ownerName, skill.name],
    }));
    return {
      name: 'AIP',
      description: 'A governed gateway to the agents connected to it; name the skill in the metadata "aip.skill".',
      version,
      capabilities,
    };
  }

  /** A stranger finds the gateway and how to sign in; whom it serves, policy decides to show. */
  async function visibleSkills(session: Session): Promise<readonly CatalogueEntry[]> {
    try {
      return await entries(session, { kind: 'skill' });
    } catch (error) {
      if (session.principal.kind === 'anonymous' && toAipError(error).code === 'UNAUTHENTICATED') return [];
      throw error;
    }
  }

  async function entries(
    session: Session,
    filter: { kind?: string; owner?: string },
  ): Promise<readonly CatalogueEntry[]> {
    const { entries: found } = (await exchange.operate(session, 'catalogue.list', filter)) as unknown as {
      entries: CatalogueEntry[];
    };
    return found;
  }

  function sign(card: AgentCard): Tagged {
    const key = JSON.stringify(card);
    const known = signed.get(key);
    if (known) return known;
    const fresh = tagged(signCard(card));
    if (signed.size >= MAX_SIGNED) signed.delete(signed.keys().next().value as string);
    signed.set(key, fresh);
    return fresh;
  }
}

interface Tagged {
  readonly body: string;
  readonly etag: string;
}

function tagged(card: JsonObject): Tagged {
  const body = JSON.stringify(card);
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url')}"` };
}

/** Section 8.6.1: cacheable, with a validator. */
function answer(request: FastifyRequest, reply: FastifyReply, { body, etag }: Tagged): FastifyReply {
  reply.headers({ etag, 'cache-control': `max-age=${MAX_AGE}`, vary: 'A2A-Version, Authorization, Host' });
  const known = request.headers['if-none-match'];
  if (known !== undefined && known.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag))
    return reply.code(304).send();
  return reply.header('content-type', 'application/json').send(body);
}
