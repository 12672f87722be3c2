import type { SchemaJson } from '@cedar-policy/cedar-wasm/nodejs';
import schemaJson from './schema.json' with { type: 'json' };

/**
 * The world as policies see it. Ids of principals are DIDs for agents, `user:<name>` and `service:<name>`
 * otherwise; ids of what belongs to something carry its owner: `Tool::"<server>/<name>"`,
 * `Skill::"<agent>/<name>"`, `Operation::"<domain>.<verb>"`.
 */
export const AIP_SCHEMA = `\
// ---- Who acts ---------------------------------------------------------------------------------

entity Role;
entity Group in [Group];

// assurance: "none", "token", "signature", "credential" or "attested"; scopes: of an OAuth access token
entity User in [Role, Group] { name: String, tenant: String, assurance: String, scopes?: Set<String> };
entity Service in [Role, Group] { name: String, tenant: String, assurance: String, scopes?: Set<String> };
entity Agent in [Role, Group] { name: String, tenant: String, assurance: String };
entity Anonymous in [Role, Group] { name: String, tenant: String, assurance: String };

// ---- What is acted upon -----------------------------------------------------------------------

// effect: "read", "write" or "external" (leaves the platform)
entity Server;
entity Tool in [Server] { name: String, server: String, effect: String };
entity Resource in [Server] { uri: String };
entity Prompt in [Server] { name: String };
entity Skill in [Agent] { name: String, effect: String };
entity Capability;
entity Topic;

// What the platform itself can do; agents.list is in Domain::"agents". plane: "data" or "control"
entity Domain;
entity Operation in [Domain] { name: String, effect: String, plane: String };

// ---- How it is asked --------------------------------------------------------------------------

// Whatever the target takes, so no schema knows it: each policy is checked against the arguments
// that it names itself, and has to ask \`context.arguments has path\` before it looks at one.
type Arguments = {};

type Call = {
  protocol: String, // "mcp", "a2a", "acp", "anp", "ioap", "atp", "http", "cli"
  arguments: Arguments,
  depth: Long, // calls above this one in the chain; 0 at its beginning
  approved?: Bool, // a person has agreed to exactly this call
  onBehalfOf?: { kind: String, id: String, tenant: String }, // "user", "service" or "agent"
};

action invoke appliesTo { principal: [User, Service, Agent, Anonymous], resource: [Agent, Skill, Capability], context: Call };
action signal appliesTo { principal: [User, Service, Agent, Anonymous], resource: [Agent], context: Call };
action call appliesTo { principal: [User, Service, Agent, Anonymous], resource: [Tool], context: Call };
action read appliesTo { principal: [User, Service, Agent, Anonymous], resource: [Resource], context: Call };
action get appliesTo { principal: [User, Service, Agent, Anonymous], resource: [Prompt], context: Call };
action publish, subscribe appliesTo { principal: [User, Service, Agent, Anonymous], resource: [Topic], context: Call };
action operate appliesTo { principal: [User, Service, Agent, Anonymous], resource: [Operation], context: Call };
`;

/**
 * The same in Cedar's JSON form, which cedar-wasm reads without its schema parser: that alone would cost
 * 80 ms of every start. Derived from the text: the test that holds the two together prints what it should be.
 */
export const AIP_SCHEMA_JSON = schemaJson as unknown as SchemaJson<string>;
