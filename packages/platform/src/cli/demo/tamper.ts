import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { verifyFolder } from '../../main/audit.ts';

/** What verification says about a copy of the log in which one byte of one entry has been flipped. */
export async function verifyTampered(dataDir: string): Promise<string> {
  const copy = mkdtempSync(path.join(tmpdir(), 'aip-tampered-'));
  try {
    for (const name of ['aip.db', 'aip.db-wal', 'gateway.key']) {
      if (existsSync(path.join(dataDir, name))) copyFileSync(path.join(dataDir, name), path.join(copy, name));
    }
    const db = new DatabaseSync(path.join(copy, 'aip.db'));
    const row = db.prepare("SELECT id, text FROM entry WHERE kind = 'settle' ORDER BY id LIMIT 1").get() as {
      id: number;
      text: string;
    };
    const at = row.text.length - 3;
    const flipped = `${row.text.slice(0, at)}${String.fromCharCode(row.text.charCodeAt(at) ^ 1)}${row.text.slice(at + 1)}`;
    db.prepare('UPDATE entry SET text = ? WHERE id = ?').run(flipped, row.id);
    db.close();
    const [report] = await verifyFolder(copy);
    return report?.problems[0]?.what ?? 'nothing is wrong';
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
