import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AipError } from '@aip/wire';
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
import { JOURNAL_NAME } from './data-folder.ts';
import { DECIDERS } from './deciders.ts';
import { originOf } from './log-origin.ts';

/** Verifies every log in a data folder; the platform may run on it meanwhile. Throws CONFIG_INVALID when there is none. */
export async function verifyFolder(folder: string): Promise<AuditReport[]> {
  const gateway = readGatewayDid(folder);
  const reader = openReader(folder);
  try {
    const reports: AuditReport[] = [];
    for (const tenant of reader.tenants()) {
      const log = storedLog(reader, tenant, gateway);
      const onReplayed = (replay: Parameters<typeof compareState>[2]) =>
        compareState(reader, tenant, replay, { size: log.size, now: Date.now() });
      reports.push(await verifyLog(log, { deciders: DECIDERS, origin: originOf(gateway, tenant), onReplayed }));
    }
    return reports;
  } finally {
    reader.close();
  }
}

/** Verifies an export, with nothing but the file and, to be sure whose it is, the DID it should be of. */
export async function verifyExport(file: string, gateway?: string): Promise<AuditReport> {
  const source = await readExport(file);
  if (gateway !== undefined && source.gateway !== gateway) {
    throw new AipError('CONFLICT', `${file} is an export of ${source.gateway}, not of ${gateway}.`);
  }
  return verifyLog(source, { deciders: DECIDERS, origin: originOf(source.gateway, source.tenant) });
}

/** Writes one tenant's log to a new file; returns the number of entries. */
export function exportFolder(folder: string, file: string, tenant: string = DEFAULT_TENANT): number {
  const reader = openReader(folder);
  try {
    return exportLog(storedLog(reader, tenant, readGatewayDid(folder)), file, Date.now());
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
  return openSqliteReader(file);
}
