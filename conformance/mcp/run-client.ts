import path from 'node:path';
import { runSuite, type LegResult, type Revision } from './suite.ts';

/** How long one scenario may take, in milliseconds: they all run at once, each with a gateway of its own. */
const TIMEOUT = 120_000;

/** The suite's client leg against this gateway as the client; each scenario is a process of its own. */
export const runClientLeg = (revision: Revision): Promise<LegResult> =>
  runSuite('client', revision, [
    '--command',
    `${process.execPath} ${path.join(import.meta.dirname, 'client.ts')}`,
    '--timeout',
    String(TIMEOUT),
  ]);
