export { registerMcpEdge, type McpEdgeOptions } from './http.ts';
export { serveMcpStdio, type McpStdio } from './stdio.ts';
export { createMcpUpstreams, type McpUpstreams, type UpstreamConfig } from './upstream/index.ts';
