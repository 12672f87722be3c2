import type { Claim, ClaimTable } from './claim-table.ts';
import { compute } from './claims/compute.ts';
import { delivery } from './claims/delivery.ts';
import { economy } from './claims/economy.ts';
import { governance } from './claims/governance.ts';
import { identity } from './claims/identity.ts';
import { memory } from './claims/memory.ts';
import { numbers } from './claims/numbers.ts';
import { orchestration } from './claims/orchestration.ts';
import { protocols } from './claims/protocols.ts';
import { telemetry } from './claims/telemetry.ts';
import { trust } from './claims/trust.ts';

/** The areas of the registry, in the order in which they are shown. */
export const areas = {
  protocols,
  trust,
  identity,
  memory,
  orchestration,
  compute,
  economy,
  governance,
  telemetry,
  delivery,
  numbers,
} satisfies Record<string, ClaimTable>;

type KeysOfEach<Union> = Union extends Union ? keyof Union : never;

/** The id of any claim in the registry. */
export type ClaimId = KeysOfEach<(typeof areas)[keyof typeof areas]>;

/** Every claim with its id and area, in the order of the registry. */
export const claims: readonly (Claim & { id: string; area: string })[] = Object.entries(areas).flatMap(
  ([area, table]: [string, ClaimTable]) => Object.entries(table).map(([id, entry]) => ({ id, area, ...entry })),
);
