import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

/**
 * The settings every package's tests run under. The folder is the package's own: `import.meta.dirname` of its vitest.config.ts.
 * A package whose tests touch no database says so, and none is started for it. With SOUK_TEST_REPORTS set (scripts/test.ts
 * does), each run also leaves its results there as JSON, to be added up.
 */
export function workspaceTests(folder: string, { database = true }: { database?: boolean } = {}): ViteUserConfig {
  const reports = process.env.SOUK_TEST_REPORTS
  return defineConfig({
    root: folder,
    test: {
      include: ['src/**/*.test.ts', '*.test.ts'],
      globalSetup: database ? fileURLToPath(new URL('./vitest-global-setup.ts', import.meta.url)) : [],
      pool: 'forks',
      // Modules are loaded once by each of the two processes, not once by each file: two seconds of a core a file, of which there are
      // hundreds. What a file changes in a module, it puts back.
      isolate: false,
      // By Node itself, as they run in production: a tenth less work than through Vite, which nothing here needs.
      experimental: { viteModuleRunner: false },
      // Two files at a time: each has a database of its own, and the machines that run this have few cores.
      maxWorkers: 2,
      // Programs that tests start, some of them hundreds of times, are compiled once.
      env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('../../../node_modules/.cache/compiled', import.meta.url)) },
      // Deadlines against hanging, not measures: the machines that run this are shared and noisy.
      testTimeout: 600_000,
      hookTimeout: 600_000,
      teardownTimeout: 60_000,
      expect: { poll: { timeout: 180_000 } },
      // In a whole run alone, which says what needed it: see docs/decisions/0021-a-second-attempt-in-sight.md.
      retry: reports === undefined ? 0 : 1,
      reporters: reports === undefined ? ['default'] : ['default', ['json', { outputFile: `${reports}/${reportName(folder)}.json` }]],
    },
  })
}

/** `packages-core` for packages/core, `migrations` for migrations. */
function reportName(folder: string): string {
  return relative(fileURLToPath(new URL('../../..', import.meta.url)), folder).replaceAll(sep, '-')
}
