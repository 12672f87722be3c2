import type { ClaimTable } from '../claim-table.ts';

/** What crosses the exchange, and in which language. */
export const protocols = {
  'P-MCP': {
    source: 'seed:aip',
    behaviour:
      'Serves and calls Model Context Protocol peers of both eras on one URL, over stdio, Streamable HTTP and the older SSE transport: tools, resources, prompts, completion, sampling, elicitation, progress, cancellation and tasks.',
    status: 'planned',
  },
  'P-MCP-GW': {
    source: 'seed:aip',
    behaviour:
      'Puts many upstream MCP servers behind one endpoint, with names kept apart, virtual servers, pinning with quarantine on drift, tool search, OpenAPI documents as tools, and policy, budget and audit for every tool.',
    status: 'planned',
  },
  'P-A2A': {
    source: 'seed:aip',
    behaviour:
      'Serves and calls A2A 1.0 agents over JSON-RPC, HTTP+JSON and gRPC, and 0.3 clients on the same URL, with signed cards, resumable streams, durable push notifications and lists scoped to the caller.',
    status: 'planned',
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
    status: 'planned',
  },
  'P-IOAP': {
    source: 'seed:aiconexus',
    behaviour:
      'Runs the IoAP v1 WebSocket gateway: eleven message types, registration with proof of key, signature validation, routing that keeps payload bytes, idle timeout and cleanup; version 1.1 adds resume, acknowledgement and credit.',
    status: 'planned',
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
    status: 'planned',
  },
  'P-PLUG': {
    source: 'seed:aip',
    behaviour: 'Takes new protocol edges and guards as plugins, without a change to the core.',
    status: 'planned',
  },
} satisfies ClaimTable;
