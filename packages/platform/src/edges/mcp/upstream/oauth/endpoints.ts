import { ERRORS, toAipError } from '@aip/wire';
import type { FastifyInstance } from 'fastify';
import { clientMetadata } from './client.ts';
import type { Logins } from './logins.ts';

/** Where a browser comes back to after a login at an upstream's authorization server. */
export const CALLBACK_PATH = '/oauth/mcp/callback';
/** Our Client ID Metadata Document (draft-ietf-oauth-client-id-metadata-document): its URL is our client_id. */
export const CLIENT_PATH = '/client-metadata.json';

/** Mounts both; `baseUrl` is where others reach the platform. */
export function registerLoginEndpoints(app: FastifyInstance, logins: Logins, baseUrl: () => string): void {
  app.get(CLIENT_PATH, (_request, reply) => {
    const base = baseUrl();
    void reply.header('cache-control', 'public, max-age=3600');
    return reply.send({ client_id: base + CLIENT_PATH, client_uri: base, ...clientMetadata(base + CALLBACK_PATH) });
  });

  app.get(CALLBACK_PATH, async (request, reply) => {
    const answer = new URL(request.raw.url ?? '', 'http://platform').searchParams;
    void reply.headers({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
    try {
      const { server, account } = await logins.finish(answer);
      return reply.send(page('Logged in', `${account.owner} can use ${server} now. This window can be closed.`));
    } catch (thrown) {
      const { code, message } = toAipError(thrown);
      return reply.code(ERRORS[code].http).send(page('Not logged in', `${message} (${code})`));
    }
  });
}

const page = (title: string, text: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p>${escaped(text)}</p></html>\n`;

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
