import { existsSync } from 'node:fs';
import path from 'node:path';
import { AipError } from '@aip/wire';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { requireOwnScript, sessionCookie, sessionIn } from './caller.ts';

/** Scripts, styles and connections of our own only; nothing inline, nothing framed, nothing from elsewhere. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export interface DashboardOptions {
  /** Folder of the built dashboard. */
  readonly dashboard: string;
  /** Trades a one-time code for a session token, once; undefined when the code is not valid. */
  readonly login: (code: string) => string | undefined;
  /** Ends the session of this token. */
  readonly logout: (token: string) => void;
  /** Whether browsers reach this server over TLS, so that they may be told to keep its cookie from everything else. */
  readonly isSecure?: boolean;
}

/** `/ui`: the built dashboard, one page for every path below it. */
export async function dashboardRoutes(app: FastifyInstance, options: DashboardOptions): Promise<void> {
  app.get('/', async (_request, reply) => reply.redirect('/ui'));
  if (!isDashboardBuilt(options.dashboard)) {
    const missing = async (): Promise<never> => {
      throw new AipError('NOT_FOUND', 'The dashboard has not been built; run "npm run dashboard" and start again.');
    };
    app.get('/ui', missing);
    app.get('/ui/*', missing);
    return;
  }
  await app.register(fastifyStatic, { root: options.dashboard, serve: false, cacheControl: false, dotfiles: 'ignore' });
  app.get('/ui', (_request, reply) => sendPage(reply));
  app.get<{ Params: { '*': string } }>('/ui/*', (request, reply) => {
    const file = request.params['*'];
    // A path of the application has no extension; a missing file is missing, not the page.
    if (path.extname(file) === '') return sendPage(reply);
    const lifetime = file.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    return protect(reply).header('cache-control', lifetime).sendFile(file);
  });
}

/** Whether the folder holds a dashboard: a checkout has none until it is built. */
export const isDashboardBuilt = (folder: string): boolean => existsSync(path.join(folder, 'index.html'));

const sendPage = (reply: FastifyReply): FastifyReply =>
  protect(reply).header('cache-control', 'no-cache').sendFile('index.html');

const protect = (reply: FastifyReply): FastifyReply =>
  reply.headers({
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  });

const loginInput = z.strictObject({ code: z.string().min(1).max(256) });

/**
 * `POST /v1/login`: the code of a login URL, which stood in its fragment and so in no log, becomes a session cookie.
 * `POST /v1/logout` ends that session, if there still is one.
 */
export function loginRoutes(app: FastifyInstance, { login, logout, isSecure = false }: DashboardOptions): void {
  app.post('/v1/login', async (request, reply) => {
    requireOwnScript(request);
    const parsed = loginInput.safeParse(request.body);
    const token = parsed.success ? login(parsed.data.code) : undefined;
    if (token === undefined) {
      throw new AipError(
        'UNAUTHENTICATED',
        'This login code has been used or has expired; "aip dashboard" prints a new login URL.',
      );
    }
    return reply
      .header('set-cookie', sessionCookie(request, token, isSecure))
      .code(204)
      .send();
  });
  app.post('/v1/logout', async (request, reply) => {
    requireOwnScript(request);
    const token = sessionIn(request);
    if (token !== undefined) logout(token);
    return reply
      .header('set-cookie', `${sessionCookie(request, '', isSecure)}; Max-Age=0`)
      .code(204)
      .send();
  });
}
