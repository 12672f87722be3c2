import type { ClaimTable } from '../claim-table.ts';

/** What crosses the exchange, and in which language. */
export const protocols = {
  'P-MCP': {
    source: 'seed:aip',
    behaviour:
      'Serves and calls Model Context Protocol peers of both eras on one URL, over stdio, Streamable HTTP and the older SSE transport: tools, resources, prompts, completion, sampling, elicitation, progress, cancellation and tasks.',
    status: 'partial',
  },
  'P-MCP.modern': {
    source: 'MCP 2026-07-28, basic/transports',
    behaviour:
      'Serves 2026-07-28 without sessions: server/discover, lists, calls, subscriptions/listen, header and body compared, a closed stream cancels.',
    status: 'done',
  },
  'P-MCP.legacy': {
    source: 'MCP 2025-11-25, basic/lifecycle and basic/transports',
    behaviour:
      'Serves 2025-11-25 and older with sessions that end when idle, are bounded in number, belong to who opened them, lend no rights of one token to another, and answer 404 afterwards.',
    status: 'done',
  },
  'P-MCP.stdio': {
    source: 'MCP 2026-07-28, basic/transports, stdio',
    behaviour: 'Serves one client of either era over standard input and output.',
    status: 'done',
  },
  'P-MCP.denial': {
    source: 'mission',
    behaviour: 'A denied tool call is a tool result that says why, and never reaches the upstream.',
    status: 'done',
  },
  'P-MCP.errors': {
    source: 'MCP 2026-07-28, server/tools, error handling',
    behaviour:
      'Malformed and unknown calls are JSON-RPC errors; failures of well-formed ones are results with isError; an upstream’s own errors and results pass whole.',
    status: 'done',
  },
  'P-MCP.progress': {
    source: 'MCP 2026-07-28, basic/utilities/progress',
    behaviour:
      'Progress and streamed output of a call reach the client that gave a token, with numbers that only rise.',
    status: 'done',
  },
  'P-MCP.cancel': {
    source: 'MCP 2026-07-28, basic/utilities/cancellation',
    behaviour: 'A cancelled call is cancelled at the upstream, in both eras; one that waits for a person is not.',
    status: 'done',
  },
  'P-MCP.parked': {
    source: 'mission',
    behaviour:
      'A call that waits for an approval keeps its client informed, or is a task for clients that take tasks; an identical retry re-attaches to it.',
    status: 'done',
  },
  'P-MCP.asks': {
    source: 'MCP 2026-07-28, basic/patterns/mrtr',
    behaviour:
      'Sampling and elicitation of an upstream reach the caller of the call they belong to, as server requests in the older era and as multi-round results in the newer.',
    status: 'done',
  },
  'P-MCP.conformance': {
    source: 'MCP conformance suite 0.2.0-alpha.12, requirements 2026-07-28 and 2025-11-25',
    behaviour:
      'The official suite’s server legs pass through the gateway, scored or not, with their fixture as an upstream of the same era, and those of 2025-11-25 with one of the newer as well.',
    status: 'done',
  },
  'P-MCP.tasks': {
    source: 'MCP extension io.modelcontextprotocol/tasks, SEP-2663',
    behaviour:
      'A call that waits for a person, takes longer than a second, or is of a tool made for tasks is a durable task for clients that take tasks: to be read, answered and cancelled by its caller alone.',
    status: 'done',
  },
  'P-MCP.legacy-tasks': {
    source: 'MCP 2025-11-25, basic/utilities/tasks (experimental)',
    behaviour:
      'A client of 2025-11-25 calls any tool as a task, reads, lists, answers and cancels its own, which outlive its session, and is told when they stand otherwise.',
    status: 'done',
  },
  'P-MCP.task-notifications': {
    source: 'MCP extension io.modelcontextprotocol/tasks, SEP-2663, task status notifications',
    behaviour:
      'A client that listens to its own tasks is told how each stands, at once and to the end, in the words of tasks/get; nobody hears of another’s.',
    status: 'done',
  },
  'P-MCP.resumption': {
    source: 'MCP 2025-11-25, basic/transports, resumability and redelivery',
    behaviour:
      'A client of a session that loses a stream takes it up again from the last event it has, within bounds on what is kept.',
    status: 'done',
  },
  'P-MCP.polling': {
    source: 'MCP 2025-11-25, basic/transports, polling; SEP-1699',
    behaviour:
      'The stream of a call of 2025-11-25 that takes long is closed early, and its client comes back for the rest without missing anything.',
    status: 'done',
  },
  'P-MCP.subscriptions': {
    source: 'MCP 2025-11-25, server/resources; 2026-07-28, basic/patterns/subscriptions',
    behaviour:
      'A client of either era that may read a resource can subscribe to it, and hears of the updates of an upstream of either era.',
    status: 'done',
  },
  'P-MCP.logging': {
    source: 'MCP 2025-11-25, server/utilities/logging; 2026-07-28, the same',
    behaviour:
      'Log messages of an upstream of either era reach the call they belong to, from the level that its client wants.',
    status: 'done',
  },
  'P-MCP.eras': {
    source: 'mission',
    behaviour:
      'Official clients of both SDK generations use official servers of both, through the gateway: elicitation, sampling, roots, progress, cancellation and list changes cross.',
    status: 'done',
  },
  'P-MCP.cut': {
    source: 'mission',
    behaviour:
      'An answer to a call that a restart has cut is led to that call’s own end; nothing is executed a second time.',
    status: 'done',
  },
  'P-MCP.inspector': {
    source: 'MCP Inspector 2.12',
    behaviour: 'The official Inspector lists and calls on every endpoint, in both eras.',
    status: 'done',
  },
  'P-MCP.resources': {
    source: 'MCP 2026-07-28, server/resources, server/prompts, server/utilities/completion',
    behaviour: 'Resources, templates, prompts and completion of upstreams are listed and served under the same guards.',
    status: 'done',
  },
  'P-MCP.meta': {
    source: 'MCP 2026-07-28, basic, _meta',
    behaviour: 'Trace context and foreign _meta travel with a call; credentials in it do not.',
    status: 'done',
  },
  'P-MCP.hostile': {
    source: 'mission',
    behaviour:
      'Ten thousand malformed or hostile bodies neither crash nor hang the endpoint, and leave no session behind.',
    status: 'done',
  },
  'P-MCP.fast': {
    source: 'mission',
    behaviour: 'A plain modern tools/call is served natively, with the answers that the official SDK gives.',
    status: 'done',
  },
  'P-MCP-GW': {
    source: 'seed:aip',
    behaviour:
      'Puts many upstream MCP servers behind one endpoint, with names kept apart, virtual servers, pinning with quarantine on drift, tool search, OpenAPI documents as tools, and policy, budget and audit for every tool.',
    status: 'partial',
  },
  'P-MCP-GW.names': {
    source: 'mission',
    behaviour:
      'Names of tools and prompts are legal for MCP clients and mean one thing each, whatever their owners are called.',
    status: 'done',
  },
  'P-MCP-GW.federation': {
    source: 'mission',
    behaviour:
      'Tools of many upstreams, skills of agents and platform operations stand behind /mcp with prefixed names, one upstream or agent behind /mcp/{name} with its own.',
    status: 'done',
  },
  'P-MCP-GW.upstreams': {
    source: 'mission',
    behaviour:
      'Upstreams are reached over stdio and Streamable HTTP in either era, with only the environment and headers that the operator gave.',
    status: 'done',
  },
  'P-MCP-GW.client-conformance': {
    source: 'MCP conformance suite, client requirements of 2026-07-28 and 2025-11-25',
    behaviour: 'Passes every scored client scenario of the official suite with this gateway as the client.',
    status: 'done',
  },
  'P-MCP-GW.oauth': {
    source: 'MCP 2026-07-28, basic/authorization',
    behaviour:
      'Logs each caller in to upstreams with OAuth 2.1 by itself, renews tokens once however many calls need them, and says in one clear error who has to log in where; no tool vanishes.',
    status: 'done',
  },
  'P-MCP-GW.no-passthrough': {
    source: 'MCP 2026-07-28, basic/authorization, token passthrough',
    behaviour:
      'A token that a caller has here never reaches an upstream, nor does one caller’s upstream token serve another.',
    status: 'done',
  },
  'P-MCP-GW.hostile': {
    source: 'mission',
    behaviour:
      'A hostile upstream – endless, oversized, silent, lying about ids, redirecting inside, speaking to the model – is contained in time and memory, named by its own error or signal, and nothing else suffers.',
    status: 'done',
  },
  'P-MCP-GW.sse': {
    source: 'MCP 2024-11-05, HTTP with SSE; 2025-11-25, backwards compatibility',
    behaviour:
      'Calls servers that only speak the older HTTP+SSE transport, found out by how they answer, with their questions, and connects anew when their stream ends.',
    status: 'done',
  },
  'P-MCP-GW.supervision': {
    source: 'mission',
    behaviour:
      'An upstream that dies fails its calls within a second, leaves the others untouched, and comes back by itself.',
    status: 'done',
  },
  'P-MCP-GW.untrusted': {
    source: 'mission',
    behaviour:
      'What a tool does is what the operator says, external if nothing is said; an upstream’s hints change nothing.',
    status: 'done',
  },
  'P-MCP-GW.changes': {
    source: 'MCP 2026-07-28, server/tools, list changed',
    behaviour: 'When an upstream changes its lists, the catalogue follows and clients are told which list has changed.',
    status: 'done',
  },
  'P-MCP-GW.openapi': {
    source: 'mission',
    behaviour:
      'An OpenAPI document (3.0 or 3.1) is a source of tools: one for each selected operation, with its parameters and body as arguments.',
    status: 'done',
  },
  'P-MCP-GW.resources': {
    source: 'mission',
    behaviour:
      'Folders, SQLite and PostgreSQL databases and HTTP APIs are resources by configuration, read-only whatever is asked of them.',
    status: 'done',
  },
  'P-MCP-GW.uris': {
    source: 'RFC 3986, 6.2.2',
    behaviour:
      'A policy decides on the one spelling of the URI that is read, through whichever resource or template, and nothing else reaches the server or the source.',
    status: 'done',
  },
  'P-MCP-GW.sources-secrets': {
    source: 'mission',
    behaviour:
      'The credentials of a source come from the vault or the environment; no caller sees them, sets them or finds them in the log.',
    status: 'done',
  },
  'P-MCP-GW.secrets': {
    source: 'mission',
    behaviour:
      'Headers and environment of MCP servers, client secrets and headers of A2A agents cite the vault or the environment; one that is missing keeps its server offline by name, and none comes back in a result, an error, a log line or a list.',
    status: 'done',
  },
  'P-MCP-GW.limits': {
    source: 'mission',
    behaviour:
      'Results above 10 MiB, endless messages and oversized definitions of an upstream are refused, and nothing else suffers.',
    status: 'done',
  },
  'P-MCP-GW.pinning': {
    source: 'mission',
    behaviour:
      'Tools are pinned on record when they are first seen; one that has changed is hidden, refused with QUARANTINED, and shown to operators with the difference, until one accepts exactly what was looked at.',
    status: 'done',
  },
  'P-MCP-GW.deception': {
    source: 'mission',
    behaviour:
      'Tools that come back under another name, look like another server’s, or hide characters in names, descriptions or schemas are quarantined.',
    status: 'done',
  },
  'P-MCP-GW.private': {
    source: 'MCP 2026-07-28, caching',
    behaviour:
      'Two callers with different rights never get each other’s list or result, and everything that depends on rights is marked private.',
    status: 'done',
  },
  'P-MCP-GW.tasks': {
    source: 'MCP extension io.modelcontextprotocol/tasks, SEP-2663',
    behaviour:
      'A call that a server of 2026-07-28 makes a task of is followed to its end, questions, cancellation and a restart of the platform included, and is never begun twice.',
    status: 'done',
  },
  'P-MCP-GW.legacy-tasks': {
    source: 'MCP 2025-11-25, basic/utilities/tasks (experimental)',
    behaviour:
      'A tool that a server of 2025-11-25 runs as a task is called by anybody: it is followed to its result, with its questions, its cancellation, its deadline, and a loss of the connection.',
    status: 'done',
  },
  'P-MCP-GW.extensions': {
    source: 'MCP 2026-07-28, basic/lifecycle, extensions; SEP-2133',
    behaviour:
      'Every endpoint declares those extensions of the servers behind it that pass through, their settings put together, and no others.',
    status: 'done',
  },
  'P-MCP-GW.apps': {
    source: 'MCP Apps, SEP-1865',
    behaviour:
      'The user interface that a tool names can be read by that URI on every endpoint, and a server knows which interfaces the caller shows.',
    status: 'done',
  },
  'P-MCP-GW.skills': {
    source: 'MCP extension io.modelcontextprotocol/skills, SEP-2640',
    behaviour:
      'skills/list, skills/get and resources/directory/read reach the servers that have them, as governed reads, under the URIs of the endpoint.',
    status: 'done',
  },
  'P-MCP-GW.virtual': {
    source: 'mission',
    behaviour:
      'Serves virtual servers in both eras and over stdio: chosen tools under new names and words, with fixed arguments that callers neither see nor give, while policy decides on the real tool and all arguments; resources and prompts by allow-list.',
    status: 'done',
  },
  'P-MCP-GW.search': {
    source: 'mission',
    behaviour:
      'Lists two tools, search and call, where an endpoint has more tools than was set; a call through them is governed, recorded and answered as the direct call is.',
    status: 'done',
  },
  'P-MCP-GW.registry': {
    source: 'MCP Registry server.json 2025-12-11',
    behaviour:
      'Makes a server of the settings from a server.json without running anything, asks for what it needs, and writes a server.json of its own endpoints.',
    status: 'done',
  },
  'P-MCP-GW.kept': {
    source: 'mission',
    behaviour:
      'Keeps servers that were added while it ran, over restarts, their URLs and headers encrypted; never a command.',
    status: 'done',
  },
  'P-MCP-GW.seen': {
    source: 'mission',
    behaviour:
      'Shows of every server its state, era, transport, process, restarts, latency, last error and tools, and says of a missing tool that its server is down, since when and why.',
    status: 'done',
  },
  'P-A2A': {
    source: 'seed:aip',
    behaviour:
      'Serves and calls A2A 1.0 agents over JSON-RPC, HTTP+JSON and gRPC, and 0.3 clients on the same URL, with signed cards, resumable streams, durable push notifications and lists scoped to the caller.',
    status: 'partial',
  },
  'P-A2A.card': {
    source: 'A2A 1.0 §4.4, §8',
    behaviour:
      'Serves a card for every agent and one for the gateway, signed with the gateway’s key in the official way, with ETag and Cache-Control; the official verifier accepts it, and refuses it once changed.',
    status: 'done',
  },
  'P-A2A.public-url': {
    source: 'mission',
    behaviour:
      'Names its interfaces by the public URL that an operator has set, else by the request itself, never by forwarded headers; the Host of that URL is answered.',
    status: 'done',
  },
  'P-A2A.operations': {
    source: 'A2A 1.0 §3.1',
    behaviour:
      'Answers the operations of A2A 1.0 over JSON-RPC and over HTTP+JSON with the same meaning, to the official client: sending, streaming, reading, listing, canceling, subscribing.',
    status: 'done',
  },
  'P-A2A.official': {
    source: 'A2A 1.0 §9',
    behaviour: 'Gives answers of the same shape as the official server with an equivalent agent, failures included.',
    status: 'done',
  },
  'P-A2A.streams': {
    source: 'A2A 1.0 §3.5.2',
    behaviour:
      'Begins every stream with the task, tells all streams of a task the same events in the same order, lets each resume from Last-Event-ID, and leaves the task alone, and nothing behind, when a stream is closed.',
    status: 'done',
  },
  'P-A2A.restart': {
    source: 'mission',
    behaviour: 'After a restart a client reads its ended tasks unchanged and follows its open ones to the end.',
    status: 'done',
  },
  'P-A2A.turns': {
    source: 'A2A 1.0 §3.4',
    behaviour:
      'A task that asks its caller waits as input_required and goes on with the caller’s next message; a task that waits for nobody takes no message.',
    status: 'done',
  },
  'P-A2A.parked': {
    source: 'mission',
    behaviour:
      'A call that an operator must approve shows as auth_required, without what only operators may see, and goes on by itself once it is answered.',
    status: 'done',
  },
  'P-A2A.scope': {
    source: 'A2A 1.0 §13.1',
    behaviour:
      'Shows tasks to their caller and their agent only; for anybody else, and through another agent’s interface, they do not exist.',
    status: 'done',
  },
  'P-A2A.routing': {
    source: 'mission',
    behaviour:
      'A message reaches the skill that its metadata names, the only skill there is, or any agent with that capability through the gateway’s own interface.',
    status: 'done',
  },
  'P-A2A.errors': {
    source: 'A2A 1.0 §5.4',
    behaviour:
      'Every failure has its A2A code, HTTP status and ErrorInfo with a stable reason, names the wrong field, and never shows a stack.',
    status: 'done',
  },
  'P-A2A.version': {
    source: 'A2A 1.0 §3.6',
    behaviour:
      'Speaks 1.0 and, over JSON-RPC, 0.3 on the same URL; any other version is refused with what is supported.',
    status: 'done',
  },
  'P-A2A.hostile': {
    source: 'mission',
    behaviour:
      'Ten thousand malformed or hostile bodies neither crash nor hang the edge, and none is answered with a fault of the server.',
    status: 'done',
  },
  'P-A2A.client': {
    source: 'A2A 1.0 §8.4',
    behaviour:
      'Calls A2A agents elsewhere through the official client: their cards verified, their credentials sent to their own origin only, with streaming, questions and cancellation.',
    status: 'done',
  },
  'P-A2A.conversations': {
    source: 'mission',
    behaviour:
      'Keeps conversations at A2A agents elsewhere to the caller that began them, though to the agent all callers are this gateway; what clients put into metadata as credentials reaches no agent.',
    status: 'done',
  },
  'P-ACP': {
    source: 'seed:aip',
    behaviour:
      'Serves and calls Agent Communication Protocol agents: runs in three modes, await and resume, events and sessions.',
    status: 'planned',
  },
  'P-MSG': {
    source: 'seed:aip',
    behaviour:
      'Keeps messages durably: queues, conversations, publish and subscribe, receipts, replay, dead letters and delivery to agents that were offline.',
    status: 'planned',
  },
  'P-ANP': {
    source: 'seed:aip',
    behaviour:
      'Speaks the Agent Network Protocol: did:wba identity with HTTP message signatures, agent descriptions, discovery documents, registration and protocol negotiation, as server and as client.',
    status: 'planned',
  },
  'P-REG': {
    source: 'seed:aip',
    behaviour:
      'Finds agents by capability, full text and reputation, watches their heartbeats and resolves DIDs to endpoints.',
    status: 'partial',
  },
  'P-REG.admission': {
    source: 'mission',
    behaviour:
      'Knows only agents that were admitted: a stranger with a key is turned away and listed for an operator, a removed one has to be admitted again.',
    status: 'done',
  },
  'P-REG.names': {
    source: 'mission',
    behaviour:
      'Keeps the name that an operator gave an agent, whatever it calls itself; its own choice it may change. The name of a removed agent goes to another by an operator’s word only.',
    status: 'done',
  },
  'P-REG.roles': {
    source: 'mission',
    behaviour:
      'Roles that an agent loses, it loses at once: its connections are closed, and what it has waiting is decided with those it has by then.',
    status: 'done',
  },
  'P-REG.join-token': {
    source: 'mission',
    behaviour:
      'Admits one agent by a join token, once, under the name and roles of the invitation, also when several race for it.',
    status: 'done',
  },
  'P-IOAP': {
    source: 'seed:aiconexus',
    behaviour:
      'Runs the IoAP v1 WebSocket gateway: eleven message types, registration with proof of key, signature validation, routing that keeps payload bytes, idle timeout and cleanup; version 1.1 adds resume, acknowledgement and credit.',
    status: 'partial',
  },
  'P-IOAP.register-proof': {
    source: 'seed:aiconexus',
    behaviour:
      'An agent registers with a signed frame, addressed to the gateway, fresh, unseen, and with the key that its DID is made of; the gateway answers signed, with its bounds.',
    status: 'done',
  },
  'P-IOAP.error-codes': {
    source: 'seed:aiconexus',
    behaviour:
      'Every frame that is not accepted is answered with an ERROR that names the reason and the frame; none is dropped silently.',
    status: 'done',
  },
  'P-IOAP.replay': {
    source: 'mission',
    behaviour:
      'The same signed bytes again lead to the same task; other bytes under a known id, and any repeated signal, are a replay.',
    status: 'done',
  },
  'P-IOAP.bytes': {
    source: 'seed:aiconexus',
    behaviour: 'Signed frames reach the agent they are addressed to byte for byte, and so do its answers.',
    status: 'done',
  },
  'P-IOAP.types': {
    source: 'seed:aiconexus',
    behaviour: 'All eleven message types are spoken with the payloads of the seed.',
    status: 'done',
  },
  'P-IOAP.addresses': {
    source: 'mission',
    behaviour:
      'A request may name an agent, a capability, a tool or an operation, and a requester learns that it waits for an approval.',
    status: 'done',
  },
  'P-IOAP.stream': {
    source: 'mission',
    behaviour: 'Pieces of an answer come as EXEC_RESPONSE of status partial, numbered, before the one that ends it.',
    status: 'done',
  },
  'P-IOAP.cancel': {
    source: 'mission',
    behaviour: 'ERROR CANCELED with the id of a request cancels it, in either direction.',
    status: 'done',
  },
  'P-IOAP.assignee': {
    source: 'mission',
    behaviour: 'Only the agent that was asked answers, and only what it was sent.',
    status: 'done',
  },
  'P-IOAP.redelivery': {
    source: 'mission',
    behaviour:
      'A step whose agent lost its connection is delivered again under its key when it is idempotent, else it ends with its effect unknown.',
    status: 'done',
  },
  'P-IOAP.idle': {
    source: 'seed:aiconexus',
    behaviour:
      'A connection that is silent for 300 seconds, dead, replaced or killed is closed with its own code and cleaned up.',
    status: 'done',
  },
  'P-IOAP.bounds': {
    source: 'mission',
    behaviour:
      'Frames, queues and open requests of a connection are bounded; a slow receiver slows its senders down, then costs them SLOW_CONSUMER; who sends more than its rate is read more slowly, and a hundred wrong frames in a row end the connection.',
    status: 'done',
  },
  'P-IOAP.hostile': {
    source: 'mission',
    behaviour: 'Ten thousand malformed or hostile frames neither crash nor hang the gateway, and leave nothing behind.',
    status: 'done',
  },
  'P-IOAP.client': {
    source: 'seed:aiconexus',
    behaviour:
      'GatewayClient connects, registers, sends and receives all types, reconnects with backoff, and puts open requests again without doing anything twice.',
    status: 'done',
  },
  'P-IOAP.agent': {
    source: 'mission',
    behaviour:
      'An agent in at most 15 lines connects itself, answers, streams, is canceled, calls others, and does nothing twice that is delivered twice.',
    status: 'done',
  },
  'P-RTC': {
    source: 'seed:aiconexus',
    behaviour:
      'Lets two agents set up a WebRTC data channel through the gateway, whose policy decides who may signal whom.',
    status: 'planned',
  },
  'P-BRIDGE': {
    source: 'seed:aip',
    behaviour:
      'Makes an agent that is connected over one protocol callable over every other one, with streaming, cancellation, errors and trace context carried across.',
    status: 'partial',
  },
  'P-BRIDGE.a2a': {
    source: 'mission',
    behaviour:
      'An agent that is connected over IoAP answers an A2A client with streaming, cancellation and a task that is the same after a restart.',
    status: 'done',
  },
  'P-BRIDGE.delegation': {
    source: 'mission',
    behaviour:
      'Lets an agent call others on behalf of a task that is its own and live, and no other; a chain of more than 16 is a loop.',
    status: 'done',
  },
  'P-BRIDGE.mcp': {
    source: 'mission',
    behaviour:
      'An agent that is connected over IoAP is a tool for each of its capabilities to MCP clients of both eras, with progress and cancellation.',
    status: 'done',
  },
  'P-BRIDGE.http': {
    source: 'mission',
    behaviour:
      'Calls any agent, skill or tool by POST /v1/invoke, as one JSON document or as numbered events that resume; a call that waits for a person answers 202 and is found again by an identical retry.',
    status: 'done',
  },
  'P-IOAP.status': {
    source: 'seed:aiconexus',
    behaviour: 'Answers /health and /agents as the seed shows them, with the gateway’s DID and without names.',
    status: 'done',
  },
  'P-PLUG': {
    source: 'seed:aip',
    behaviour: 'Takes new protocol edges and guards as plugins, without a change to the core.',
    status: 'planned',
  },
} satisfies ClaimTable;
