import { AipError } from '@aip/wire';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** What the platform is to OAuth clients: a resource server that accepts tokens of these issuers. */
export interface ProtectedResource {
  /** Issuer identifiers. */
  readonly issuers: readonly string[];
  readonly scopes: readonly string[];
  /** What a client asks for at first. */
  readonly firstScopes: readonly string[];
  recognises(token: string): boolean;
  /** Throws UNAUTHENTICATED, ISSUER_UNAVAILABLE. */
  prove(token: string, resource: string): Promise<void>;
  /** Where others reach the platform; the address that the request was sent to unless set. */
  readonly publicUrl: string | undefined;
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource';
/** Resources of their own: each endpoint of MCP. Everything else is the platform as a whole. */
const ENDPOINT = /^\/mcp(?:\/v\/[^/?#]+|\/[^/?#]+)?$/;
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
    const token = bearerOf(request);
    if (token !== undefined && resource.recognises(token)) return resource.prove(token, `${baseOf(request)}${path}`);
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

  for (const url of [WELL_KNOWN, `${WELL_KNOWN}/*`])
    app.get(url, async (request, reply) => {
      const path = pathOf(request).slice(WELL_KNOWN.length);
      if (path !== '' && !ENDPOINT.test(path))
        throw new AipError('NOT_FOUND', `There is no resource ${path.slice(0, 100)}.`);
      return reply.header('cache-control', 'public, max-age=300').send({
        resource: `${baseOf(request)}${path}`,
        authorization_servers: resource.issuers,
        bearer_methods_supported: ['header'],
        resource_name: 'Agent Infrastructure Platform',
        ...(resource.scopes.length === 0 ? {} : { scopes_supported: resource.scopes }),
      });
    });
}

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '';

function endpointOf(request: FastifyRequest): string {
  const path = pathOf(request);
  return ENDPOINT.test(path) ? path : '';
}

const bearerOf = (request: FastifyRequest): string | undefined =>
  /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
