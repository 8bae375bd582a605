import { workspaceTests } from '@souk/local-postgres/vitest-config.ts'

const settings = workspaceTests(import.meta.dirname)

export default { ...settings, test: { ...settings.test, globalSetup: ['./vitest-build.ts'] } }
