export type { EdgeChoices } from './edge.ts';
export { endpointViews, searchTokens } from './endpoints.ts';
export { registerMcpEdge, type McpEdgeOptions } from './http.ts';
export { serveMcpStdio, type McpStdio } from './stdio.ts';
export {
  createMcpUpstreams,
  registerLoginEndpoints,
  type McpUpstreams,
  type UpstreamConfig,
} from './upstream/index.ts';
export { createVirtualServers } from './virtual.ts';
