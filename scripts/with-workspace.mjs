// Runs a script, or a turbo task, in the installed workspace on the Node that the workspace brings.
// This file and pnpm.mjs are read by whatever Node is on the machine; everything else runs on node_modules/.bin/node.
//   node scripts/with-workspace.mjs scripts/start.ts [argument ...]
//   node scripts/with-workspace.mjs --turbo <task> [argument ...]
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, join } from 'node:path'
import { pnpm, root, turbo } from './pnpm.mjs'

const OLDEST_NODE = 20
const INSTALL_OUTPUT_MAX_CHARS = 20_000

const programs = join(root, 'node_modules', '.bin')
let interrupted = false
const lockHashFile = join(root, 'node_modules', '.souk-lock-hash')

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  fail(`Souk needs Node ${OLDEST_NODE} or later to begin with, and this is ${process.version}. See https://nodejs.org/en/download.`)
} else if (process.platform === 'win32') {
  fail('Souk runs on Linux and macOS. On Windows, use it inside WSL.')
} else {
  process.exitCode = await main(process.argv.slice(2))
}

/** @param {string[]} given */
async function main(given) {
  const [first, ...rest] = given
  if (first === undefined) return fail('Name a script, or --turbo and a task.')
  const installed = await installIfNeeded()
  if (installed !== 0) return installed
  const command = first === '--turbo' ? turbo(rest) : { program: join(programs, 'node'), parameters: given }
  return run(command, { passOn: true })
}

async function installIfNeeded() {
  const lockHash = createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .digest('hex')
  const complete = existsSync(join(programs, 'node')) && existsSync(lockHashFile)
  if (complete && readFileSync(lockHashFile, 'utf8') === lockHash) return 0
  const started = Date.now()
  console.log('Installing the workspace (at the first start, and when its lock file has changed) ...')
  const code = await run(pnpm(['install', '--frozen-lockfile']), { passOn: false })
  if (interrupted) return code || 130
  if (code !== 0)
    return fail('The install failed, see above. It needs the npm registry and a writable checkout; run it again to go on.', code)
  writeFileSync(lockHashFile, lockHash)
  console.log(`Installed in ${((Date.now() - started) / 1000).toFixed(0)} s.`)
  return 0
}

/**
 * Waits for the program and answers its exit code. Its output is ours, or else is shown only if it fails.
 * @param {{ program: string, parameters: string[] }} command
 * @param {{ passOn: boolean }} options
 * @returns {Promise<number>}
 */
function run({ program, parameters }, { passOn }) {
  const child = spawn(program, parameters, { cwd: root, env: environment(passOn), stdio: passOn ? 'inherit' : ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output = (output + chunk).slice(-INSTALL_OUTPUT_MAX_CHARS)
    })
  }
  const stopForwarding = forwardSignals(child)
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(fail(`${program} could not be run: ${error.message}`)))
    child.once('close', (code, signal) => {
      stopForwarding()
      if (code !== 0 && !passOn && !interrupted) console.error(output.trimEnd())
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}

/** @param {boolean} passOn */
function environment(passOn) {
  return {
    ...process.env,
    PATH: `${programs}${delimiter}${process.env.PATH ?? ''}`,
    TURBO_TELEMETRY_DISABLED: '1',
    TURBO_NO_UPDATE_NOTIFIER: '1',
    npm_config_update_notifier: 'false',
    npm_config_fund: 'false',
    // An install may have to replace a node_modules of another layout, and would stop to ask.
    ...(passOn ? {} : { CI: 'true', npm_config_loglevel: 'error' }),
  }
}

/**
 * A terminal sends Ctrl-C to the child as well, so there it only has to be outlived; elsewhere, and for the other signals, it is passed on.
 * @param {import('node:child_process').ChildProcess} child
 */
function forwardSignals(child) {
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  const handlers = signals.map((signal) => {
    const handler = () => {
      interrupted = true
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    }
    process.on(signal, handler)
    return { signal, handler }
  })
  return () => {
    for (const { signal, handler } of handlers) process.off(signal, handler)
  }
}

/** @param {string} message */
function fail(message, code = 1) {
  console.error(message)
  process.exitCode = code
  return code
}
