import { AipError } from '@aip/wire';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { bearerOf, bindCaller } from '../../exchange/index.ts';
import type { Principal } from '../../kernel/principal.ts';

/** What the platform is to OAuth clients: a resource server that accepts tokens of these issuers. */
export interface ProtectedResource {
  /** Issuer identifiers. */
  readonly issuers: readonly string[];
  readonly scopes: readonly string[];
  /** What a client asks for at first. */
  readonly firstScopes: readonly string[];
  recognises(token: string): boolean;
  /** Who bears it. Throws UNAUTHENTICATED, ISSUER_UNAVAILABLE. */
  prove(token: string, resource: string): Promise<Principal>;
  /** Where others reach the platform; the address that the request was sent to unless set. */
  readonly publicUrl: string | undefined;
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource';
/** Resources of their own: each endpoint of MCP, by its route. Everything else is the platform as a whole. */
const ENDPOINTS = ['/mcp', '/mcp/:name', '/mcp/v/:virtual'];
const SCOPE_MISSING = /^Bearer error="insufficient_scope"/;

/**
 * Makes the server an OAuth 2.1 resource server: protected resource metadata (RFC 9728), challenges that lead there
 * (RFC 6750), and access tokens verified for the resource that is asked for (RFC 8707) before any edge sees them.
 * MCP clients begin without a token, so there every request needs one.
 */
export function protectResources(app: FastifyInstance, resource: ProtectedResource): void {
  const baseOf = (request: FastifyRequest): string => resource.publicUrl ?? `${request.protocol}://${request.host}`;

  app.addHook('onRequest', async (request) => {
    const path = endpointOf(request);
    const token = bearerOf(request.raw);
    if (token !== undefined && resource.recognises(token))
      bindCaller(request.raw, await resource.prove(token, `${baseOf(request)}${path}`));
    if (path !== '' && token === undefined)
      throw new AipError('UNAUTHENTICATED', 'Send "Authorization: Bearer <access token>".');
  });

  app.addHook('onSend', async (request, reply, payload) => {
    const given = String(reply.getHeader('www-authenticate') ?? '');
    if (reply.statusCode !== 401 && !SCOPE_MISSING.test(given)) return payload;
    const metadata = `resource_metadata="${baseOf(request)}${WELL_KNOWN}${endpointOf(request)}"`;
    const scope = resource.firstScopes.length === 0 ? '' : `, scope="${resource.firstScopes.join(' ')}"`;
    // RFC 6750 section 3.1: who has sent nothing has made no error.
    const error = request.headers.authorization === undefined ? '' : ', error="invalid_token"';
    reply.header(
      'www-authenticate',
      reply.statusCode === 401 ? `Bearer ${metadata}${error}${scope}` : `${given}, ${metadata}`,
    );
    return payload;
  });

  for (const endpoint of ['', ...ENDPOINTS])
    app.get(WELL_KNOWN + endpoint, async (request, reply) =>
      reply.header('cache-control', 'public, max-age=300').send({
        resource: `${baseOf(request)}${filled(endpoint, request)}`,
        authorization_servers: resource.issuers,
        bearer_methods_supported: ['header'],
        resource_name: 'Agent Infrastructure Platform',
        ...(resource.scopes.length === 0 ? {} : { scopes_supported: resource.scopes }),
      }),
    );
}

/**
 * The path of the endpoint that the router has matched, with the names that it has read; empty for everything else.
 * The URL as it came is not asked: it has many spellings, and only the router knows what it serves for them.
 */
function endpointOf(request: FastifyRequest): string {
  const { url = '' } = request.routeOptions;
  return ENDPOINTS.includes(url) ? filled(url, request) : '';
}

/** Throws NOT_FOUND for names that no path can hold (RFC 3986 section 5.2.4). */
function filled(endpoint: string, request: FastifyRequest): string {
  const names = request.params as Readonly<Record<string, string>>;
  return endpoint.replace(/:(\w+)/g, (_, parameter: string) => {
    const name = names[parameter] ?? '';
    if (/^\.{0,2}$/.test(name)) throw new AipError('NOT_FOUND', 'There is no such MCP endpoint here.');
    return encoded(name);
  });
}

/** What stands for itself in a path stays (RFC 3986 section 3.3), so that an endpoint has one URL, whoever writes it. */
const encoded = (name: string): string => name.replace(/[^\w.~!$&'()*+,;=:@-]+/g, encodeURIComponent);
