import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { LedgerError } from '../../core/ports/ledger.ts';
import { backupLedger } from '../../storage/ledger/backup-ledger.ts';
import type { LedgerReport } from '../../storage/ledger/verify/report.ts';
import { verifyLedger } from '../../storage/ledger/verify/verify-ledger.ts';
import { askServer } from './control-client.ts';

/** A backup that is done. */
export interface LedgerBackup {
  readonly path: string;
  readonly bytes: number;
  /** Whether the running server made it. */
  readonly online: boolean;
}

/**
 * Backs up a ledger: the server does it where one runs, and goes on meanwhile.
 * @throws LedgerError `CONFLICT` where the target is there, `LOCKED` where a process has it that takes no such request, `CORRUPT`, `FULL`, `IO`.
 */
export async function backUp(ledger: string, target: string, overwrite: boolean): Promise<LedgerBackup> {
  try {
    return { ...(await backupLedger(ledger, resolve(target), overwrite)), online: false };
  } catch (error) {
    if (!(error instanceof LedgerError && error.code === 'LOCKED')) throw error;
    const answer = await askServer(ledger, { op: 'backup', target: resolve(target), overwrite });
    if (answer === undefined) throw error;
    return { path: String(answer['path']), bytes: Number(answer['bytes']), online: true };
  }
}

/**
 * Verifies a ledger; of one that a running server has, a backup that is made for it and removed.
 * @throws LedgerError `LOCKED` where a process has it that makes no backup, `NEWER`, `FULL`, `IO`; `CORRUPT` where the server finds damage as it copies.
 */
export async function verify(ledger: string): Promise<{ readonly report: LedgerReport; readonly online: boolean }> {
  try {
    return { report: verifyLedger(ledger), online: false };
  } catch (error) {
    if (!(error instanceof LedgerError && error.code === 'LOCKED')) throw error;
    const copy = `${ledger}-verify-${randomUUID()}`;
    try {
      if ((await askServer(ledger, { op: 'backup', target: copy, overwrite: false })) === undefined) throw error;
      return { report: { ...verifyLedger(copy), path: ledger }, online: true };
    } finally {
      for (const path of [copy, `${copy}-lock`]) rmSync(path, { force: true });
    }
  }
}
