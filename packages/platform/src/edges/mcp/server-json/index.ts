export { parseServerJson, type ServerDocument } from './document.ts';
export { exportServerJson, type ExportedEndpoint } from './export.ts';
export { offersOf, type Offer, type ServerEntry } from './import.ts';
export type { Need, Values } from './inputs.ts';
