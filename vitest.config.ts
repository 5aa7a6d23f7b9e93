import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configDefaults, defineConfig, type ViteUserConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// The ledger's threads then take their code as it was stripped before. Stripping runs WebAssembly in every thread, at the end of which
// Node 24 now and then aborts (V8's check `jit_page.has_value()`); the compiled package has nothing to strip.
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'lightning-tickerplant-compile-cache');

/** The contract's files first: they are short to read and long to run, and would otherwise be what everybody waits for in the end. */
class ContractFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isContract = (file: TestSpecification) => file.moduleId.includes('/test/contract/');
    return [...sorted.filter(isContract), ...sorted.filter((file) => !isContract(file))];
  }
}

/** `npm test`: everything but what installs packages or starts many processes, which is `npm run test:slow`. */
export const config: ViteUserConfig = {
  test: {
    environment: 'node',
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'test/**/*.slow.test.ts'],
    pool: 'forks',
    // Half of the contract's time is waiting for periods to end.
    maxWorkers: 3,
    sequence: { sequencer: ContractFirst },
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
    restoreMocks: true,
    unstubEnvs: true,
  },
};

const defined: ViteUserConfig = defineConfig(config);

// biome-ignore lint/style/noDefaultExport: vitest reads its configuration from the default export.
export default defined;
