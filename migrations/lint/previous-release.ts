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

/** Files of its tests of core that are left out when they run on the schema of today, and why: what fails in them is not the schema's doing. */
export const NOT_HELD: readonly { file: string; why: string }[] = [
  {
    file: 'src/pricing/price-cart-adds-up.test.ts',
    why: 'carts made by chance meet two mistakes in its prices, of exclusive promotions and of ways of sending, that were found after it; no database takes part',
  },
]
