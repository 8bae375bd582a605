import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findPostmaster } from '@souk/local-postgres/postmaster.ts'
import { adoptArchive } from '@souk/platform/merchant-life/adopt-archive.ts'
import { type Archive, ArchiveFolder } from '@souk/platform/merchant-life/archives.ts'
import { exportFromCopy, findInCopy } from '@souk/platform/merchant-life/export-from-copy.ts'
import { openPlatformSql } from '@souk/platform/platform-sql.ts'
import { urlAs } from './database.ts'
import { describeFailure, Explained } from './explained.ts'
import { root } from './pnpm.mjs'
import { moment, withRestoredCopy } from './restored-copy.ts'
import { openSecrets, type State, statePaths } from './state.ts'

// One merchant as it was at a past moment, as an archive beside the others; and as a sandbox, if that is asked for: docs/merchant-life.md.

const USAGE = `npm run merchant-at -- <slug or id> --at TIME [--sandbox SLUG [--cell CELL]] [--second]
npm run merchant-at -- <slug or id> --from postgres://admin:password@restored/souk --at TIME [...]`

interface Wish {
  merchant: string
  at: Date
  /** A server that was restored elsewhere, as its administrator. */
  from: string | undefined
  second: boolean
}

process.exitCode = await main()

async function main(): Promise<number> {
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: {
        at: { type: 'string' },
        from: { type: 'string' },
        second: { type: 'boolean', default: false },
        sandbox: { type: 'string' },
        cell: { type: 'string' },
      },
    })
    const [merchant] = positionals
    if (merchant === undefined || positionals.length > 1 || values.at === undefined) {
      console.error(USAGE)
      return 2
    }
    const archive = await archiveAt(statePaths(), { merchant, at: moment(values.at), from: values.from, second: values.second })
    const rows = Object.values(archive.content.rows).reduce((sum, count) => sum + count, 0)
    console.log(`Archive ${archive.id}: ${archive.slug} as it was at ${archive.madeAt.toISOString()}, ${rows} rows.`)
    if (values.sandbox === undefined) {
      console.log(`To look at it: souk archives sandbox ${archive.id} --slug ${archive.slug}-then --watch`)
      console.log(`In place of the one of today: souk archives restore ${archive.id} --slug ${archive.slug} --replace --watch`)
      return 0
    }
    const cell = values.cell === undefined ? [] : ['--cell', values.cell]
    return await souk('archives', 'sandbox', archive.id, '--slug', values.sandbox, '--watch', ...cell)
  } catch (error) {
    const isUsage = String((error as { code?: string }).code).startsWith('ERR_PARSE_ARGS')
    console.error(isUsage ? (error as Error).message : describeFailure(error))
    return 1
  }
}

async function archiveAt(state: State, wish: Wish): Promise<Archive> {
  if (wish.from !== undefined) return adopt(state, wish.from, wish)
  return withRestoredCopy({ state, second: wish.second, at: wish.at }, (copy) => adopt(state, copy.adminUrl, wish))
}

/** Exports the merchant from the copy, and lists the archive among those of the deployment. */
async function adopt(state: State, copyUrl: string, { merchant: named, at }: Wish): Promise<Archive> {
  const merchant = await findInCopy(copyUrl, named)
  if (!merchant) throw new Explained(`No merchant with the slug or id "${named}" was at home there at that moment.`)
  const directory = openPlatformSql(platformUrl(state))
  const place = mkdtempSync(join(tmpdir(), 'souk-merchant-at-'))
  try {
    const [known] = await directory<{ sandbox: boolean }[]>`select sandbox from platform.merchant where id = ${merchant.id}`
    const path = join(place, 'archive.tar.gz')
    const mediaDir = process.env.SOUK_MEDIA_DIR || state.media
    await exportFromCopy(copyUrl, path, merchant, { takenAt: at, sandbox: known?.sandbox ?? false, mediaDir })
    return await adoptArchive({ directory, archives: new ArchiveFolder(process.env.SOUK_ARCHIVE_DIR || state.archives) }, path, new Date())
  } finally {
    rmSync(place, { recursive: true, force: true })
    await directory.end()
  }
}

/** The directory of the deployment: SOUK_PLATFORM_URL, or what `npm start` has started here. */
function platformUrl(state: State): string {
  if (process.env.SOUK_PLATFORM_URL) return process.env.SOUK_PLATFORM_URL
  const running = findPostmaster(state.database)
  if (!running)
    throw new Explained('Nothing runs here, and SOUK_PLATFORM_URL is not set. Run `npm start` in another terminal, or name the directory.')
  return urlAs(`postgres://127.0.0.1:${running.port}`, 'souk_platform', openSecrets(state).roles.souk_platform, 'souk')
}

/** The command line of the platform, with our terminal and our settings. */
function souk(...typed: string[]): Promise<number> {
  const child = spawn(process.execPath, [join(root, 'apps/cli/bin/souk.js'), ...typed], { stdio: 'inherit' })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}
