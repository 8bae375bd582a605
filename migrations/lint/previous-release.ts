import type { SchemaVersion } from '../files.ts'

/**
 * The release before this one: its commit, and its newest files. Programs that know no more than these run while this release is
 * rolled out. Raised with every release, and never below what was released.
 */
export const PREVIOUS_RELEASE: SchemaVersion & { commit: string } = {
  commit: '83748c94031630a6a2b3805784836e634a23bf74',
  directory: 10,
  cell: 32,
}

/** Files of its tests of core that are left out when they run on the schema of today, and why: what fails in them is not the schema's doing. */
export const NOT_HELD: readonly { file: string; why: string }[] = []
