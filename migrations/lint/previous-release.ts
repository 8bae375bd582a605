import type { SchemaVersion } from '../files.ts'

/**
 * The release before this one: its commit, and its newest files. Programs that know no more than these run while this release is
 * rolled out. Raised with every release, and never below what was released.
 */
export const PREVIOUS_RELEASE: SchemaVersion & { commit: string } = {
  commit: '623fbc6fb3e888fcba902d2c5eb4ef14c868b852',
  directory: 9,
  cell: 28,
}
