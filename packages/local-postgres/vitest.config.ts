import { workspaceTests } from './src/vitest-config.ts'

export default workspaceTests(import.meta.dirname)
