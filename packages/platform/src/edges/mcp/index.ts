export { registerMcpEdge, type McpEdgeOptions } from './http.ts';
export { serveMcpStdio, type McpStdio } from './stdio.ts';
export type { SessionLimits } from './sessions.ts';
export { createMcpUpstreams, type McpUpstreams, type McpUpstreamsOptions, type UpstreamConfig, type UpstreamLog, type UpstreamStatus } from './upstream/index.ts';
