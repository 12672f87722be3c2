export type { EdgeChoices } from './edge.ts';
export { endpointViews, searchTokens, type EndpointView } from './endpoints.ts';
export { registerMcpEdge, type McpEdgeOptions } from './http.ts';
export { serveMcpStdio, type McpStdio, type McpStdioOptions } from './stdio.ts';
export {
  createMcpUpstreams,
  registerLoginEndpoints,
  type McpUpstreams,
  type UpstreamConfig,
} from './upstream/index.ts';
export { createVirtualServers, type VirtualServer, type VirtualServers } from './virtual.ts';
