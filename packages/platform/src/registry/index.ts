export { createDoor } from './door.ts';
export type { Capability } from './agent.ts';
export { agentDecider } from './decider.ts';
export { trustGuard } from './guard.ts';
export { registryOperations } from './operations.ts';
export { createRegistry, type Registry } from './registry.ts';
