/** What each setting means, by its path in `aip.yaml`; a name that the operator chooses is `<name>`. */
export const SETTING_MEANINGS: Readonly<Record<string, string>> = {
  host: 'Address to listen on. Anything but a loopback address puts the platform on the network: read SECURITY.md first.',
  port: 'Port of all protocols; 0 takes a free one.',
  public_url:
    'Where others reach the platform, `https://aip.example.org` for example, when a proxy terminates TLS before it. Agent cards, `/openapi.json` and metadata name it, and its host may be addressed. Without it they name the scheme and host of the request; forwarded headers are never believed.',
  data_dir: 'The folder that holds everything: log, keys, policies. One platform at a time runs on it.',
  admin_token: 'The administrator’s token. Made on the first start and kept in the data folder unless set.',
  allowed_hosts:
    'Host names under which the platform may be addressed, beyond loopback and `host`; with a port to allow that port only.',
  allowed_origins: 'Web origins whose pages may call the platform from a browser, beyond its own.',
  log_level: 'What is logged to standard error.',
  rate: 'How much each principal may send; what is too much is refused before the log. All anonymous callers share a tenth of it.',
  'rate.per_second': 'Messages per second in the long run.',
  'rate.burst': 'Messages at once.',
  'rate.bytes_per_second':
    'Bytes per second, in the long run, that the log may keep of its messages and of the answers to them. How much an answer weighs is known when it is there: then the next messages wait for it.',
  'rate.bytes_burst': 'Such bytes at once.',
  ioap: 'The WebSocket gateway at `/ws`.',
  'ioap.idle_seconds': 'Seconds of silence, with nothing open, after which a connection is closed.',
  'ioap.max_connections': 'Connections at a time, registered or not.',
  identity: 'Who callers are, beyond API tokens.',
  'identity.issuers':
    'OAuth 2.1 authorization servers whose access tokens (JWT, RFC 9068) are accepted, by a name that becomes part of their users’ ids: `user:<name>:<subject>`. With one of them, a request to `/mcp` without a token is told where to get one.',
  'identity.issuers.<name>.issuer': 'Issuer identifier, exactly as in the `iss` claim.',
  'identity.issuers.<name>.audience':
    'An audience that is accepted beside the URL of the resource, for issuers that do not know resource indicators (RFC 8707).',
  'identity.issuers.<name>.jwks_uri':
    'Where its keys are. Found in its metadata (RFC 8414, OpenID Connect) unless set.',
  'identity.issuers.<name>.algorithms': 'Signature algorithms that are accepted.',
  'identity.issuers.<name>.token_type':
    'How it marks access tokens: `at+jwt`, as RFC 9068 demands, or `jwt` for issuers that mark them like any other token.',
  'identity.issuers.<name>.tenant': 'The tenant of all its users; `default` unless set.',
  'identity.issuers.<name>.tenant_claim': 'The claim that names the tenant of each user instead.',
  'identity.issuers.<name>.roles_claim':
    'The claim that holds a user’s roles or groups; dots lead into objects (`realm_access.roles`).',
  'identity.issuers.<name>.roles': 'What these mean here: a list of roles for each value of the claim.',
  'identity.issuers.<name>.default_roles': 'Roles of everybody with a token of this issuer.',
  'identity.scopes': 'OAuth scopes that an access token needs; an empty list asks for none. API tokens have no scopes.',
  'identity.scopes.tools': 'To call tools, skills and agents.',
  'identity.scopes.resources': 'To read resources.',
  'identity.scopes.prompts': 'To get prompts.',
  mcp: 'Model Context Protocol.',
  'mcp.servers': 'MCP servers behind the platform, by name. Their tools are `tool:<name>/<tool>`.',
  'mcp.servers.<name>.command':
    'The program to start (this or `url`); it is spoken to over its standard input and output.',
  'mcp.servers.<name>.args': 'Its arguments.',
  'mcp.servers.<name>.env':
    'Its environment; values may be or hold secrets. Beside it, it gets PATH, HOME and LANG only.',
  'mcp.servers.<name>.cwd': 'The folder it runs in; that of the platform unless given.',
  'mcp.servers.<name>.url':
    'Address of a server that runs already (this or `command`) and speaks Streamable HTTP, or the older HTTP with SSE.',
  'mcp.servers.<name>.headers':
    'Headers of every request to that address; values may be or hold secrets (`Bearer {vault:…}`).',
  'mcp.servers.<name>.oauth':
    'How callers log in to that address. Not needed where the server says so itself: then each caller logs in (`aip mcp login`).',
  'mcp.servers.<name>.oauth.grant':
    '`authorization_code`: each caller for itself. `client_credentials`: the platform for everybody.',
  'mcp.servers.<name>.oauth.issuer':
    'The only authorization server that is used; it may have a private address. Needed with a secret or a key.',
  'mcp.servers.<name>.oauth.scopes': 'Asked for beside what the server asks for.',
  'mcp.servers.<name>.oauth.client_id':
    'A client registered there beforehand. Without it the platform uses its metadata document (with an https `public_url`) or registers itself.',
  'mcp.servers.<name>.oauth.client_secret': 'Its secret.',
  'mcp.servers.<name>.oauth.private_key': 'Its private key, a secret: PKCS #8 in PEM.',
  'mcp.servers.<name>.oauth.key_algorithm': 'The algorithm of that key.',
  'mcp.servers.<name>.effects':
    'What each tool changes, by tool: nothing (`read`), something here (`write`), or the world outside (`external`). What the server itself says about its tools is not believed.',
  'mcp.servers.<name>.default_effect': 'The effect of the tools that `effects` does not name.',
  'mcp.servers.<name>.prices': 'Integer units for one call, by tool. Who pays needs a budget.',
  'mcp.servers.<name>.tasks':
    'Tools made for tasks: with `optional`, clients that take tasks get one at once; with `required`, those of 2026-07-28 that take none are refused.',
  'mcp.servers.<name>.default_price': 'The price of the tools that `prices` does not name.',
  'mcp.servers.<name>.pin':
    'What happens to a tool that is not as it was first seen, comes back under another name, looks like another server’s, or hides characters: it is quarantined until an operator agrees (`enforce`), the log says so (`warn`), or nobody looks (`off`).',
  'mcp.virtual': 'Virtual servers, by name: chosen tools of any servers and agents, served at `/mcp/v/<name>`.',
  'mcp.virtual.<name>.description': 'What it is for, in at most 100 characters.',
  'mcp.virtual.<name>.instructions':
    'What its clients are told about using it; what all clients are told unless given.',
  'mcp.virtual.<name>.tools': 'Its tools, by the name they have here; just the `target`, or an object.',
  'mcp.virtual.<name>.tools.<name>.target':
    'Which tool it is: `tool:<server>/<tool>`, `skill:<agent>/<skill>` or `operation:<domain>.<verb>`. Policies decide on this name.',
  'mcp.virtual.<name>.tools.<name>.title': 'Its title here; its own unless given.',
  'mcp.virtual.<name>.tools.<name>.description': 'Its description here; its own unless given.',
  'mcp.virtual.<name>.tools.<name>.arguments':
    'Arguments that are the same in every call. Callers neither see them nor give them.',
  'mcp.virtual.<name>.resources':
    'Resources that are let through, as `resource:<server>/<uri>`; one that ends in `*` stands for all that begin so.',
  'mcp.virtual.<name>.prompts': 'Prompts that are let through, as `prompt:<server>/<name>`, likewise.',
  'mcp.virtual.<name>.search_above': '`mcp.search_above` for this virtual server.',
  'mcp.search_above':
    'Where an MCP endpoint has more tools than this, its clients get two instead: one that searches them and one that calls what was found. Off unless set; 0 is always.',
  'mcp.idle_seconds':
    'Seconds without a request or an open stream after which a session of a client that speaks 2025-11-25 or older ends.',
  'mcp.max_sessions': 'Such sessions at a time; one principal may have 200 of them.',
  a2a: 'Agent2Agent.',
  'a2a.agents': 'A2A agents elsewhere, by name. They are called as `agent:<name>`.',
  'a2a.agents.<name>.url': 'Base URL of the agent, or the URL of its card when it ends in `.json`.',
  'a2a.agents.<name>.did': 'The did:key whose signature the agent’s card has to carry.',
  'a2a.agents.<name>.headers':
    'Headers of every request to the origin of `url`, and to no other; values may be or hold secrets.',
  sources:
    'Things that speak no agent protocol, offered as tools and resources. Names are unique among all of them and `mcp.servers`. Relative paths begin in the folder the platform was started in. See docs/sources.md.',
  'sources.openapi': 'OpenAPI 3.0 and 3.1 documents, by name. Each operation is `tool:<name>/<operation>`.',
  'sources.openapi.<name>.document': 'File or URL of the document, JSON or YAML. A file is read again when it changes.',
  'sources.openapi.<name>.base_url':
    'Where the API is; the first server of the document unless given. Only what is given here, or shares the origin of the document’s URL, may be a private address.',
  'sources.openapi.<name>.operations': 'Which operations become tools; all of them unless said otherwise.',
  'sources.openapi.<name>.operations.include':
    'Only these: an operationId, a tool’s name, or `GET /pets/*`; `*` stands for anything.',
  'sources.openapi.<name>.operations.exclude': 'Not these, written likewise.',
  'sources.openapi.<name>.operations.tags': 'Only those with one of these tags.',
  'sources.openapi.<name>.response': 'How much of an answer reaches the caller.',
  'sources.openapi.<name>.response.pick':
    'Of a tool’s JSON answers only these paths, by tool: `[id, owner.login]`, through every list.',
  'sources.openapi.<name>.response.max_items':
    'Longest list in an answer; what is beyond is cut off, and the caller is told.',
  'sources.openapi.<name>.response.max_bytes': 'Longest answer in bytes, after picking and cutting.',
  'sources.openapi.<name>.effects':
    'What each tool changes, by tool (`read`, `write`, `external`); GET and HEAD read and the rest is `external` unless named here.',
  'sources.openapi.<name>.prices': 'Integer units for one call, by tool.',
  'sources.openapi.<name>.default_price': 'The price of the tools that `prices` does not name.',
  'sources.files':
    'Folders whose files are resources, by name: `resource:<name>/file:///<path>`. Nothing outside of the folder is reached, by links neither.',
  'sources.files.<name>.root': 'The folder.',
  'sources.files.<name>.include':
    'Glob patterns of what is shown. Names that begin with a dot are shown only if a pattern names them.',
  'sources.files.<name>.max_bytes': 'Largest file that is read, in bytes.',
  'sources.sql':
    'Databases, read-only, by name: the schema, tables and rows are resources, named queries are tools and resources.',
  'sources.sql.<name>.sqlite': 'Path of a SQLite file (this or `postgres`).',
  'sources.sql.<name>.postgres':
    'URL of a PostgreSQL database, or a secret that holds it (this or `sqlite`). Give it a role that may read no more than it should.',
  'sources.sql.<name>.tables':
    'Tables and views that are offered (`schema.table` outside of the usual schema); all unless set.',
  'sources.sql.<name>.queries': 'Queries by name, each a tool.',
  'sources.sql.<name>.queries.<name>.sql': 'One SELECT. Parameters are `:name`.',
  'sources.sql.<name>.queries.<name>.description': 'What it is for, for the model.',
  'sources.sql.<name>.queries.<name>.parameters': 'Types of its parameters, by name; all are required.',
  'sources.sql.<name>.free_queries': 'Whether there is a tool `query` that runs any SELECT.',
  'sources.sql.<name>.max_rows': 'Most rows of one answer.',
  'sources.sql.<name>.timeout_seconds': 'After this time a statement is ended.',
  'sources.http': 'HTTP APIs whose answers to GET are resources, by name.',
  'sources.http.<name>.base_url': 'Where the API is.',
  'sources.http.<name>.resources': 'Resources by readable name.',
  'sources.http.<name>.resources.<name>.path':
    'Path after the base URL, with variables: `/weather/{city}{?units}`. Its URI is `api://<path>`.',
  'sources.http.<name>.resources.<name>.description': 'What it is, for the model.',
  'sources.http.<name>.resources.<name>.mime_type': 'Its media type; what the API says unless given.',
  'sources.http.<name>.max_bytes': 'Largest answer that is read, in bytes.',
  'sources.openapi.<name>.auth':
    'How the platform identifies itself to the API: one of `bearer`, `basic`, `api_key`, `client_credentials`. Callers neither see nor set it.',
  'sources.openapi.<name>.auth.bearer': 'A secret that is sent as `Authorization: Bearer`.',
  'sources.openapi.<name>.auth.basic': 'Name and password (HTTP Basic).',
  'sources.openapi.<name>.auth.basic.username': 'The name.',
  'sources.openapi.<name>.auth.basic.password': 'The password, a secret.',
  'sources.openapi.<name>.auth.api_key': 'A key that is sent with every request.',
  'sources.openapi.<name>.auth.api_key.in': 'Where it is sent.',
  'sources.openapi.<name>.auth.api_key.name': 'The name of the header, parameter or cookie.',
  'sources.openapi.<name>.auth.api_key.value': 'The key, a secret.',
  'sources.openapi.<name>.auth.client_credentials': 'OAuth 2.0 client credentials; the token is renewed by itself.',
  'sources.openapi.<name>.auth.client_credentials.token_url': 'The token endpoint.',
  'sources.openapi.<name>.auth.client_credentials.client_id': 'The client.',
  'sources.openapi.<name>.auth.client_credentials.client_secret': 'Its secret.',
  'sources.openapi.<name>.auth.client_credentials.scope': 'Scopes to ask for, with spaces between them.',
  'sources.openapi.<name>.headers': 'Headers of every request, over those of a caller; values may be or hold secrets.',
  'sources.openapi.<name>.timeout_seconds': 'After this time without its whole answer a request has failed.',
  'sources.http.<name>.auth':
    'How the platform identifies itself to the API: one of `bearer`, `basic`, `api_key`, `client_credentials`. Callers neither see nor set it.',
  'sources.http.<name>.auth.bearer': 'A secret that is sent as `Authorization: Bearer`.',
  'sources.http.<name>.auth.basic': 'Name and password (HTTP Basic).',
  'sources.http.<name>.auth.basic.username': 'The name.',
  'sources.http.<name>.auth.basic.password': 'The password, a secret.',
  'sources.http.<name>.auth.api_key': 'A key that is sent with every request.',
  'sources.http.<name>.auth.api_key.in': 'Where it is sent.',
  'sources.http.<name>.auth.api_key.name': 'The name of the header, parameter or cookie.',
  'sources.http.<name>.auth.api_key.value': 'The key, a secret.',
  'sources.http.<name>.auth.client_credentials': 'OAuth 2.0 client credentials; the token is renewed by itself.',
  'sources.http.<name>.auth.client_credentials.token_url': 'The token endpoint.',
  'sources.http.<name>.auth.client_credentials.client_id': 'The client.',
  'sources.http.<name>.auth.client_credentials.client_secret': 'Its secret.',
  'sources.http.<name>.auth.client_credentials.scope': 'Scopes to ask for, with spaces between them.',
  'sources.http.<name>.headers': 'Headers of every request, over those of a caller; values may be or hold secrets.',
  'sources.http.<name>.timeout_seconds': 'After this time without its whole answer a request has failed.',
};
