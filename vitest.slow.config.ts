import { configDefaults, defineConfig, type ViteUserConfig } from 'vitest/config';
import { config } from './vitest.config.ts';

const slow: ViteUserConfig = defineConfig({
  test: { ...config.test, include: ['test/**/*.slow.test.ts'], exclude: configDefaults.exclude, maxWorkers: 2 },
});

// biome-ignore lint/style/noDefaultExport: vitest reads its configuration from the default export.
export default slow;
