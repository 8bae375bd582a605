import { parseArgs } from 'node:util'
import { adoptArchive } from '@souk/platform/merchant-life/adopt-archive.ts'
import { ArchiveUnusable } from '@souk/platform/merchant-life/archive-format.ts'
import { ArchiveFolder } from '@souk/platform/merchant-life/archives.ts'
import { openPlatformSql } from '@souk/platform/platform-sql.ts'
import { readConfig } from './config.ts'

// With the worker's settings: `node apps/worker/src/adopt-archive.ts <file>` checks the archive of a merchant that was made elsewhere, copies
// it to the others, and prints the id by which it can be restored.

const { platformUrl, archiveDir } = readConfig(process.env)
const [file] = parseArgs({ allowPositionals: true }).positionals
if (platformUrl === undefined || archiveDir === undefined || file === undefined) {
  console.error('SOUK_PLATFORM_URL, SOUK_ARCHIVE_DIR and the name of a file are needed.')
  process.exit(1)
}
const directory = openPlatformSql(platformUrl)
try {
  const archive = await adoptArchive({ directory, archives: new ArchiveFolder(archiveDir) }, file, new Date())
  console.log(`${archive.id}  ${archive.slug}  ${archive.madeAt.toISOString()}`)
} catch (error) {
  if (!(error instanceof ArchiveUnusable)) throw error
  console.error(error.message)
  process.exitCode = 1
} finally {
  await directory.end()
}
