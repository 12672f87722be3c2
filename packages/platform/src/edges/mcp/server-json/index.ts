export { parseServerJson } from './document.ts';
export { exportServerJson } from './export.ts';
export { offersOf, type Offer } from './import.ts';
export type { Need, Values } from './inputs.ts';
