import { isJsonObject, type Json, type JsonObject } from '@aip/wire';
import { ProtocolError, ProtocolErrorCode, type Server, type ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Address } from '../../kernel/address.ts';
import { data } from '../../kernel/body.ts';
import { gathersOwners } from './directory.ts';
import { readsDirectories, SKILLS_EXTENSION, extensionsAt, skillServers } from './extensions.ts';
import { readMeta } from './metadata.ts';
import { askServer, resourceAt, type Reading } from './reads.ts';
import { ANY_URI, wrapUri } from './uris.ts';

/**
 * The methods of skills (io.modelcontextprotocol/skills, SEP-2640): answered by the server that has them, and reads in
 * every respect. Where several servers meet, their skills are under the URIs by which they can be read there.
 */
const Page = z.looseObject({ cursor: z.string().max(8_192).optional() });
const Place = z.looseObject({ uri: z.string().min(1).max(4_096) });
const PlaceAndPage = z.looseObject({ ...Place.shape, ...Page.shape });

type SkillMethod = 'skills/list' | 'skills/get' | 'resources/directory/read';

/** Serves them at endpoints of servers that declare them. */
export function serveSkills(server: Server, reading: Omit<Reading, 'ctx'>, on: (ctx: ServerContext) => Reading): void {
  const settings = extensionsAt(reading.edge, reading.client.scope)[SKILLS_EXTENSION];
  if (!settings) return;
  server.setRequestHandler('skills/list', { params: Page }, ({ cursor, _meta }, ctx) =>
    listSkills(on(ctx), cursor, _meta),
  );
  server.setRequestHandler('skills/get', { params: Place }, ({ uri, _meta }, ctx) =>
    askAt(on(ctx), 'skills/get', { uri }, _meta),
  );
  if (settings['directoryRead'] !== true) return;
  server.setRequestHandler('resources/directory/read', { params: PlaceAndPage }, ({ uri, cursor, _meta }, ctx) =>
    askAt(on(ctx), 'resources/directory/read', { uri, ...(cursor === undefined ? {} : { cursor }) }, _meta),
  );
}

/**
 * One page of one server's skills. Where several meet, the cursor says which server is next and where it goes on, and
 * one that cannot be asked, or not by this caller, is passed over.
 */
async function listSkills(reading: Reading, cursor: string | undefined, meta: unknown): Promise<JsonObject> {
  const { edge, client } = reading;
  const servers = skillServers(edge, client.scope);
  if (!gathersOwners(client.scope)) {
    const [server = ''] = servers;
    return ask(reading, server, 'skills/list', cursor === undefined ? {} : { cursor }, meta);
  }
  const from = cursor === undefined ? { server: '' } : placeIn(cursor);
  const left = servers.filter((name) => name >= from.server);
  for (const [index, server] of left.entries()) {
    const own = server === from.server && from.cursor !== undefined ? { cursor: from.cursor } : {};
    const page = await ask(reading, server, 'skills/list', own, meta).catch(() => undefined);
    if (!page) continue;
    const { nextCursor, ...rest } = page;
    const following = left[index + 1];
    const next = typeof nextCursor === 'string' ? { server, cursor: nextCursor } : following && { server: following };
    return { ...rest, ...(next ? { nextCursor: Buffer.from(JSON.stringify(next)).toString('base64url') } : {}) };
  }
  return { skills: [], ...freshness({}) };
}

/** Throws -32602 for a cursor that is none of ours. */
function placeIn(cursor: string): { readonly server: string; readonly cursor?: string } {
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (isJsonObject(place) && typeof place['server'] === 'string') {
      const own = place['cursor'];
      return { server: place['server'], ...(typeof own === 'string' ? { cursor: own } : {}) };
    }
  } catch {
    // Said below.
  }
  throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'The cursor is not one of this list.');
}

/** Asks the server that a URI belongs to. */
function askAt(
  reading: Reading,
  method: SkillMethod,
  params: { readonly uri: string },
  meta: unknown,
): Promise<JsonObject> {
  const { edge, client } = reading;
  const found = resourceAt(reading, params.uri);
  const owner = found?.entry.owner;
  const serves =
    owner !== undefined &&
    (method === 'skills/get' ? skillServers(edge, client.scope).includes(owner) : readsDirectories(edge, owner));
  if (!found || !serves)
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Nothing is served at ${params.uri.slice(0, 500)} here.`);
  return ask(reading, found.entry.owner, method, { ...params, uri: found.uri }, meta, found.entry.address);
}

async function ask(
  reading: Reading,
  server: string,
  method: SkillMethod,
  params: JsonObject,
  meta: unknown,
  to: Address = `resource:${server}/${ANY_URI}`,
): Promise<JsonObject> {
  const { native, ...rest } = readMeta(meta, reading);
  const draft = { to, action: 'read', body: data(params), ...rest, native: { ...native, extension: method } } as const;
  return askServer(reading, draft, (result) => {
    const shown = shownUnder(reading, server, result);
    return method === 'resources/directory/read' ? shown : { ...shown, ...freshness(result) };
  });
}

/** What one caller may see is nobody else's to cache; older servers do not say for how long it is good. */
const freshness = ({ ttlMs }: JsonObject): JsonObject => ({
  ttlMs: typeof ttlMs === 'number' ? ttlMs : 0,
  cacheScope: 'private',
});

/** Skills and resources under the URIs of the endpoint, less what cannot be read there. */
function shownUnder({ edge, client }: Reading, server: string, result: JsonObject): JsonObject {
  const { scope } = client;
  if (!gathersOwners(scope)) return result;
  const { skill, skills, resources } = result;
  const isReadable = (uri: Json | undefined): boolean => {
    try {
      return typeof uri === 'string' && edge.directory.resource(scope, uri) !== undefined;
    } catch {
      return false;
    }
  };
  const many = (items: Json[]): Json[] =>
    items
      .map((item) => (isJsonObject(item) ? skillUnder(server, item) : item))
      .filter((item) => isReadable(isJsonObject(item) ? item['uri'] : undefined));
  return {
    ...result,
    ...(isJsonObject(skill) ? { skill: skillUnder(server, skill) } : {}),
    ...(Array.isArray(skills) ? { skills: many(skills) } : {}),
    ...(Array.isArray(resources) ? { resources: many(resources) } : {}),
  };
}

/** A skill with its files, or a single resource. */
function skillUnder(server: string, item: JsonObject): JsonObject {
  const { uri, resources } = item;
  return {
    ...item,
    ...(typeof uri === 'string' ? { uri: wrapUri(server, uri) } : {}),
    ...(Array.isArray(resources)
      ? { resources: resources.map((file) => (isJsonObject(file) ? skillUnder(server, file) : file)) }
      : {}),
  };
}
