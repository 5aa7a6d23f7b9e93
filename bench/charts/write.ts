import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchResult } from '../bench.ts';

export function writeCharts(folder: string, result: BenchResult): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${String(result['bench'])}.json`), `${JSON.stringify(result)}\n`);
}
