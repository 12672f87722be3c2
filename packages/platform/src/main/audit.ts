import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AipError, parseCheckpoint } from '@aip/wire';
import { openSqliteReader } from '../engines/sqlite/reader.ts';
import {
  compareState,
  exportLog,
  readExport,
  storedLog,
  verifyLog,
  type AuditReport,
} from '../governance/audit/index.ts';
import { readGatewayDid } from '../identity/index.ts';
import { DEFAULT_TENANT } from '../kernel/principal.ts';
import { JOURNAL_NAME, unreadableLog } from './data-folder.ts';
import { DECIDERS } from './deciders.ts';
import { originOf } from './log-origin.ts';

/**
 * Verifies every log in a data folder; the platform may run on it meanwhile. Throws CONFIG_INVALID when there is none
 * that can be read, MALFORMED_MESSAGE when `kept` is not a checkpoint.
 *
 * @param kept a checkpoint that was kept elsewhere; the log that it names has to begin with what it signs
 */
export async function verifyFolder(folder: string, kept?: string): Promise<AuditReport[]> {
  const gateway = readGatewayDid(folder);
  const reader = openReader(folder);
  try {
    const reports: AuditReport[] = [];
    const tenants = reader.tenants();
    // A log that is gone, or is another's, is no log that the checkpoint fits.
    if (kept !== undefined && tenants.length === 0) tenants.push(DEFAULT_TENANT);
    const named = kept === undefined ? undefined : parseCheckpoint(kept).checkpoint.origin;
    const witnessed = tenants.find((tenant) => originOf(gateway, tenant) === named) ?? tenants[0];
    for (const tenant of tenants) {
      // The rows of a platform that runs, or was killed, lie a little behind its log: they are compared where they stand.
      const at = reader.rowsAt(tenant);
      const log = storedLog(reader, tenant, gateway);
      reports.push(
        await verifyLog(log, {
          deciders: DECIDERS,
          origin: originOf(gateway, tenant),
          state: { at, compare: (made) => compareState(reader, tenant, made, Date.now()) },
          kept: tenant === witnessed ? kept : undefined,
        }),
      );
    }
    return reports;
  } catch (cause) {
    throw unreadableLog(folder, cause);
  } finally {
    reader.close();
  }
}

/** Verifies an export, with nothing but the file and, to be sure whose it is, the DID it should be of. */
export async function verifyExport(file: string, gateway?: string, kept?: string): Promise<AuditReport> {
  const source = await readExport(file);
  if (gateway !== undefined && source.gateway !== gateway) {
    throw new AipError('CONFLICT', `${file} is an export of ${source.gateway}, not of ${gateway}.`);
  }
  return verifyLog(source, { deciders: DECIDERS, origin: originOf(source.gateway, source.tenant), kept });
}

/** Writes one tenant's log to a new file; returns the number of entries. */
export function exportFolder(folder: string, file: string, tenant: string = DEFAULT_TENANT): number {
  const reader = openReader(folder);
  try {
    return exportLog(storedLog(reader, tenant, readGatewayDid(folder)), file, Date.now());
  } catch (cause) {
    throw unreadableLog(folder, cause);
  } finally {
    reader.close();
  }
}

function openReader(folder: string): ReturnType<typeof openSqliteReader> {
  const file = join(folder, JOURNAL_NAME);
  if (!existsSync(file))
    throw new AipError(
      'CONFIG_INVALID',
      `There is no log in ${folder}; start a platform there first, or name its folder with --data-dir.`,
    );
  try {
    return openSqliteReader(file);
  } catch (cause) {
    throw unreadableLog(folder, cause);
  }
}
