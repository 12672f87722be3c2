import {
  createPrivateKeyJwtAuth,
  type AddClientAuthentication,
  type OAuthClientMetadata,
  type StoredOAuthClientInformation,
} from '@modelcontextprotocol/client';
import { textOfSecret, type ReadSecret } from '../../../../kernel/secret.ts';
import type { OAuthSettings } from '../config.ts';

/** Who the platform is towards authorization servers. */
export interface ClientIdentity {
  /** Where a browser comes back to after a login. */
  readonly redirectUrl: string;
  /** Where our Client ID Metadata Document is; only where others reach the platform over https. */
  readonly metadataUrl: string | undefined;
}

/** What we say of ourselves, in the metadata document and when we register (RFC 7591, section 2). */
export const clientMetadata = (redirectUrl: string): OAuthClientMetadata => ({
  client_name: 'Agent Infrastructure Platform',
  redirect_uris: [redirectUrl],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
});

/** The client that an operator has registered beforehand; undefined when there is none. Throws CONFIG_INVALID. */
export async function registeredClient(
  { client_id, client_secret, issuer }: OAuthSettings,
  readSecret: ReadSecret,
): Promise<StoredOAuthClientInformation | undefined> {
  if (client_id === undefined) return undefined;
  return {
    client_id,
    ...(client_secret === undefined ? {} : { client_secret: await textOfSecret(client_secret, readSecret) }),
    ...(issuer === undefined ? {} : { issuer }),
  };
}

/** `private_key_jwt` (RFC 7523, section 2.2) with the configured key; undefined when there is none. */
export function keyAuthentication(
  { client_id, private_key, key_algorithm = 'ES256' }: OAuthSettings,
  readSecret: ReadSecret,
): AddClientAuthentication | undefined {
  if (client_id === undefined || private_key === undefined) return undefined;
  return async (...request) => {
    const privateKey = await textOfSecret(private_key, readSecret);
    const authenticate = createPrivateKeyJwtAuth({
      issuer: client_id,
      subject: client_id,
      privateKey,
      alg: key_algorithm,
    });
    await authenticate(...request);
  };
}
