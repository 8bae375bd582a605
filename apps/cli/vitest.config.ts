import { workspaceTests } from '@souk/local-postgres/vitest-config.ts'

export default workspaceTests(import.meta.dirname)
