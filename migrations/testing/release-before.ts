import { execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { roleUrl, type TestServerFacts } from '@souk/local-postgres/test-server.ts'
import postgres from 'postgres'
import { PREVIOUS_RELEASE } from '../lint/previous-release.ts'
import { migrate } from '../run.ts'

// The release before this one, as far as a test can have it: its sources from the history, on the packages that are installed here.

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SETS = ['directory', 'cell'] as const
const GIT_OUTPUT_MAX_BYTES = 1024 * 1024
const CACHES = new Set(['.pnpm', '.vite', '.vite-temp', '.vitest-cache'])

/** A release laid out in a folder of its own. */
export interface LaidOutRelease {
  /** Where its packages are. Its migrations are those of today. */
  root: string
  /** Its own migrations, a folder per set. */
  migrations: URL
  remove(): void
}

/** Whether its commit is in the history here: a shallow clone has none, an unpacked archive has no git at all. */
export function isReleaseBeforeKnown(): boolean {
  try {
    git('cat-file', '-e', `${PREVIOUS_RELEASE.commit}^{commit}`)
    return true
  } catch {
    return false
  }
}

export function layOutReleaseBefore(): LaidOutRelease {
  const folder = mkdtempSync(join(tmpdir(), 'souk-release-before-'))
  const [root, before] = [join(folder, 'release'), join(folder, 'before')]
  mkdirSync(root)
  mkdirSync(before)
  const packed = join(folder, 'release.tar')
  git('archive', '--format=tar', `--output=${packed}`, PREVIOUS_RELEASE.commit)
  execFileSync('tar', ['-xf', packed, '-C', root])
  for (const set of SETS) {
    renameSync(join(root, 'migrations', set), join(before, set))
    cpSync(join(ROOT, 'migrations', set), join(root, 'migrations', set), { recursive: true })
  }
  for (const place of ['.', 'migrations', ...readdirSync(join(root, 'packages')).map((name) => join('packages', name))]) {
    linkPackages(join(ROOT, place, 'node_modules'), join(root, place, 'node_modules'))
  }
  symlinkSync(join(ROOT, 'node_modules', '.pnpm'), join(root, 'node_modules', '.pnpm'))
  return { root, migrations: pathToFileURL(`${before}/`), remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** The links of pnpm are relative: those to packages of the workspace lead to the release's own, the others to what is installed here. */
function linkPackages(from: string, to: string): void {
  if (!existsSync(from)) return
  cpSync(from, to, { recursive: true, verbatimSymlinks: true, filter: (path) => !CACHES.has(basename(path)) })
}

/**
 * A template as a cell in service is one: laid out by the release before and, unless it is to stay `before`, brought on by the expands
 * of this one.
 */
export async function buildTemplate(
  facts: TestServerFacts,
  its: URL,
  schema: 'before' | 'expanded',
  folder?: URL,
): Promise<TestServerFacts> {
  const template = facts.template.replace(/template$/, `${schema}_template`)
  const admin = postgres(facts.adminUrl, { max: 1, onnotice: () => {} })
  try {
    await admin`create database ${admin(template)} owner souk_owner`
    const url = roleUrl(facts, 'souk_owner', template)
    await migrate({ url, folder: its })
    if (schema === 'expanded') await migrate({ url, upTo: 'expand', ...(folder && { folder }) })
    await admin`alter database ${admin(template)} allow_connections false`
  } finally {
    await admin.end()
  }
  return { ...facts, template }
}

/** What a shop does all day. */
export const SOLD_BY = [
  'src/cart/change-cart.test.ts',
  'src/checkout/checkout.test.ts',
  'src/orders/list-orders.test.ts',
  'src/orders/recalculate-order.test.ts',
  'src/payments/checkout-payments.test.ts',
]

/**
 * Runs tests of packages/core under `root` (all of them unless files are named) on clones of a template, with merchants served through a
 * pooler if its port is given. One that failed gets a second
 * attempt, in sight: a machine with much other work breaks tests of races, a schema breaks them twice.
 */
export function runCoreTests(
  root: string,
  facts: TestServerFacts,
  { files = [], leftOut = [], poolerPort }: { files?: readonly string[]; leftOut?: readonly string[]; poolerPort?: string },
): Promise<{ code: number; output: string }> {
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs')
  const child = spawn(process.execPath, [vitest, 'run', '--retry=1', ...leftOut.map((file) => `--exclude=${file}`), ...files], {
    cwd: join(root, 'packages', 'core'),
    env: {
      ...withoutVitest(process.env),
      SOUK_TEST_SERVER: JSON.stringify(facts),
      NO_COLOR: '1',
      ...(poolerPort !== undefined && { SOUK_TEST_POOLER_PORT: poolerPort }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

/** A run inside a run must not take itself for the outer one, nor write its report. */
function withoutVitest(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^VITEST|^SOUK_TEST_REPORTS$|^FORCE_COLOR$/.test(name)))
}

function git(...parameters: string[]): string {
  return execFileSync('git', parameters, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: GIT_OUTPUT_MAX_BYTES,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}
