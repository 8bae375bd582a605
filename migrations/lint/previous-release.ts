import type { SchemaVersion } from '../files.ts'

/**
 * The newest files of the release before this one: programs that know no more than these run while this release is rolled out.
 * Raised with every release, and never below what was released.
 */
export const PREVIOUS_RELEASE: SchemaVersion = { directory: 4, cell: 26 }
