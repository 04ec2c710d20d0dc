import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{apps,libs,ops}/**/*.test.ts', 'tests/**/*.test.ts'],
    globalSetup: ['libs/testing/src/global-setup.ts'],
    pool: 'forks',
    // Tests mostly wait for servers, which want a share of the machine too.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000
  }
})
