export { limitGuard, type RateLimit } from './guard.ts';
