import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestServer, type TestServer } from '@souk/local-postgres/test-server.ts'
import { fetchTools } from './debian-tools.ts'
import { describeFailure } from './explained.ts'
import { root, turbo } from './pnpm.mjs'
import { addUp, closingLine, type Report, workspacePatterns } from './test-report.ts'

// Lint, types and every package's tests, against one PostgreSQL with one migrated template.
// The last line says how many tests passed and failed.

const SIGNALS: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

process.exitCode = await main()

async function main(): Promise<number> {
  const started = Date.now()
  const reports = mkdtempSync(join(tmpdir(), 'souk-reports-'))
  let server: TestServer | undefined
  // A signal reaches turbo too, which ends the tests; then this goes on to the end and cleans up.
  let interrupted = false
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      interrupted = true
    })
  }
  try {
    const tools = await fetchTools(join(root, 'node_modules', '.cache', 'souk-tools'))
    if (tools.remark) console.log(tools.remark)
    server = await startTestServer()
    const code = await runTurbo({ ...tools.environment, SOUK_TEST_SERVER: JSON.stringify(server.facts), SOUK_TEST_REPORTS: reports })
    if (interrupted) {
      console.log('Interrupted.')
      return 130
    }
    const totals = addUp(readReports(reports), packagesWithTests(), code)
    for (const line of totals.remarks) console.log(line)
    console.log(`Took ${((Date.now() - started) / 1000).toFixed(0)} s.\n`)
    console.log(closingLine(totals))
    return code !== 0 || totals.failed > 0 ? 1 : 0
  } catch (error) {
    console.error(describeFailure(error))
    return 1
  } finally {
    await server?.close()
    rmSync(reports, { recursive: true, force: true })
  }
}

function runTurbo(environment: Record<string, string>): Promise<number> {
  const command = turbo(['lint', 'typecheck', 'test', '--continue', '--concurrency=2', '--log-prefix=none', '--ui=stream'])
  const colours = process.stdout.isTTY ? {} : { NO_COLOR: '1', FORCE_COLOR: undefined }
  const child = spawn(command.program, command.parameters, {
    cwd: root,
    env: { ...process.env, ...environment, ...colours },
    stdio: 'inherit',
  })
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}

function readReports(folder: string): Map<string, Report> {
  return new Map(
    readdirSync(folder).map((file) => [file.replace(/\.json$/, ''), JSON.parse(readFileSync(join(folder, file), 'utf8')) as Report]),
  )
}

/** The workspace's packages whose tests vitest runs, by the name that vitest-config.ts gives their reports. Plugins have a test command of their own. */
function packagesWithTests(): string[] {
  const patterns = workspacePatterns(readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8'))
  const folders = patterns.flatMap((pattern) => {
    const parent = pattern.replace(/\/\*$/, '')
    return parent === pattern ? [pattern] : readdirSync(join(root, parent)).map((name) => `${parent}/${name}`)
  })
  return folders.filter(hasTests).map((folder) => folder.replaceAll('/', '-'))
}

function hasTests(folder: string): boolean {
  try {
    const { scripts } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as { scripts?: Record<string, string> }
    return scripts?.test?.startsWith('vitest') === true
  } catch {
    return false
  }
}
