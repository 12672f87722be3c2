export { limitGuard } from './guard.ts';
