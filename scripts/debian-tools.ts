import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

// What some tests run against where it is there. Where it is not, and the system has Debian's packages, these are fetched into a folder of
// ours, with the libraries they need: nothing is installed, and nobody has to be root.

interface Tool {
  program: string
  /** Names the program to the tests. */
  variable: string
  inPackage: string
}

const TOOLS: readonly Tool[] = [
  { program: 'pgbouncer', variable: 'SOUK_PGBOUNCER', inPackage: 'usr/sbin/pgbouncer' },
  { program: 'redis-server', variable: 'SOUK_REDIS', inPackage: 'usr/bin/redis-server' },
]
const WITHIN_MS = 60_000

export interface Fetched {
  environment: Record<string, string>
  /** Why some are not there. */
  remark?: string
}

const run = promisify(execFile)
const runs = (program: string) => spawnSync(program, ['--version'], { timeout: WITHIN_MS }).status === 0

/** The tools that are not named in the environment and not on the path, by the variables that name them to the tests. Never throws. */
export async function fetchTools(folder: string, tools = TOOLS): Promise<Fetched> {
  const missing = tools.filter(({ program, variable }) => !process.env[variable] && !runs(program))
  const starters = missing.map(({ program, variable }) => [variable, join(folder, program)] as const)
  if (starters.every(([, starter]) => runs(starter))) return { environment: Object.fromEntries(starters) }
  try {
    await unpackPackages(folder, missing)
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n')
    return {
      environment: {},
      remark: `Not here, and not to be had from Debian: ${missing.map(({ program }) => program).join(', ')} (${reason}).`,
    }
  }
  return { environment: Object.fromEntries(starters.filter(([, starter]) => runs(starter))) }
}

async function unpackPackages(folder: string, tools: readonly Tool[]): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const fresh = mkdtempSync(join(folder, 'fetching-'))
  try {
    const within = { cwd: fresh, signal: AbortSignal.timeout(WITHIN_MS) }
    const wanted = tools.map(({ program }) => program)
    const { stdout } = await run('apt-get', ['-s', '-o', 'Debug::NoLocking=1', '--no-install-recommends', 'install', ...wanted], within)
    const packages = [...stdout.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name!)
    await run('apt-get', ['download', ...packages], within)
    const unpacked = join(fresh, 'unpacked')
    for (const file of readdirSync(fresh).filter((name) => name.endsWith('.deb'))) await run('dpkg-deb', ['-x', file, unpacked], within)
    rmSync(join(folder, 'unpacked'), { recursive: true, force: true })
    renameSync(unpacked, join(folder, 'unpacked'))
    for (const tool of tools) writeStarter(folder, tool)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/** Its libraries lie beside it, and not where the system looks for them. */
function writeStarter(folder: string, { program, inPackage }: Tool): void {
  const unpacked = join(folder, 'unpacked')
  const libraries = ['lib', 'usr/lib'].flatMap((parent) => {
    const inside = join(unpacked, parent)
    return existsSync(inside) ? readdirSync(inside).map((name) => join(inside, name)) : []
  })
  const starter = join(folder, program)
  writeFileSync(starter, `#!/bin/sh\nLD_LIBRARY_PATH='${libraries.join(':')}' exec '${join(unpacked, inPackage)}' "$@"\n`)
  chmodSync(starter, 0o755)
}
