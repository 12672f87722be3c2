import { z } from 'zod';

const role = z.enum(['caller', 'operator', 'viewer', 'admin']);
const scopes = (scope: string) =>
  z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'an OAuth scope has no spaces or quotes')).default([scope]);

/** An OAuth authorization server whose access tokens are accepted. */
const issuerSchema = z.strictObject({
  issuer: z.url().refine((text) => isIssuer(text), 'an https URL without query or fragment; http on this machine only'),
  audience: z.string().min(1).optional(),
  jwks_uri: z.url({ protocol: /^https?$/ }).optional(),
  /** Asymmetric ones only: whoever may verify by a shared secret may also sign. */
  algorithms: z
    .array(
      z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']),
    )
    .min(1)
    .default(['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519']),
  token_type: z.enum(['at+jwt', 'jwt']).default('at+jwt'),
  tenant: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/i)
    .optional(),
  tenant_claim: z.string().min(1).optional(),
  roles_claim: z.string().min(1).default('roles'),
  roles: z.record(z.string(), z.array(role)).default({}),
  default_roles: z.array(role.exclude(['admin'])).default(['caller']),
});

/** `identity` of `aip.yaml`: who else says who somebody is. */
export const identitySchema = z.strictObject({
  issuers: z
    .record(
      z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/i, 'letters, digits, dash and underscore, at most 32'),
      issuerSchema,
    )
    .default({})
    .refine(
      (issuers) => new Set(Object.values(issuers).map(({ issuer }) => issuer)).size === Object.keys(issuers).length,
      'an issuer is named twice',
    ),
  scopes: z
    .strictObject({ tools: scopes('mcp:tools'), resources: scopes('mcp:resources'), prompts: scopes('mcp:prompts') })
    .prefault({}),
});

/** RFC 8414 section 2. */
function isIssuer(text: string): boolean {
  const url = URL.parse(text);
  if (!url || url.search !== '' || url.hash !== '' || url.username !== '') return false;
  return (
    url.protocol === 'https:' ||
    (url.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname))
  );
}
