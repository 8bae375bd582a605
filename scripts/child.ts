import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, fstatSync, openSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './pnpm.mjs'

export interface Child {
  name: string
  /** Says how it ended, whenever it does. */
  ended: Promise<string>
  hasEnded(): boolean
  /** SIGTERM, and SIGKILL if it has not ended within the time. */
  stop(timeoutMs: number): Promise<void>
  /** The end of what it wrote since it started, made readable. */
  lastWords(): string[]
}

interface ChildOptions {
  name: string
  /** Relative to the root of the repository. */
  entry: string
  environment: Record<string, string>
  logFile: string
}

const LOG_SIZE_MAX_BYTES = 20 * 1024 * 1024
const LAST_WORDS_LINES = 25

/** Runs one of the apps on this Node, its output in a log file. It ends with us even if we are killed. */
export function startChild(options: ChildOptions): Child {
  if (existsSync(options.logFile) && statSync(options.logFile).size > LOG_SIZE_MAX_BYTES)
    renameSync(options.logFile, `${options.logFile}.old`)
  const log = openSync(options.logFile, 'a', 0o600)
  const logStart = fstatSync(log).size
  const follow = join(import.meta.dirname, 'follow-parent.mjs')
  const child = spawn(process.execPath, ['--import', follow, join(root, options.entry)], {
    cwd: root,
    env: { ...inherited(), ...options.environment },
    stdio: ['ignore', log, log, 'ipc'],
    // Ctrl-C in the terminal reaches us alone: we stop the apps in order.
    detached: true,
  })
  closeSync(log)
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal))
  })
  const hasEnded = () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null
  return {
    name: options.name,
    ended,
    hasEnded,
    stop: (timeoutMs) => stopChild(child, ended, hasEnded, timeoutMs),
    lastWords: () => readable(readFileSync(options.logFile).subarray(logStart).toString('utf8')),
  }
}

/** Log lines are JSON, one object each; a crash is plain text. Only what explains an ending is kept. */
export function readable(output: string): string[] {
  const lines = output
    .trimEnd()
    .split('\n')
    .flatMap(readableLine)
    .filter((line) => !/^\s+at .*\(?node:internal/.test(line))
  return lines.slice(-LAST_WORDS_LINES)
}

function readableLine(line: string): string[] {
  if (!line.startsWith('{')) return [line]
  try {
    const entry = JSON.parse(line) as { msg?: string; err?: { stack?: string; message?: string } }
    return [entry.msg, entry.err?.stack ?? entry.err?.message].filter((text) => text !== undefined).flatMap((text) => text.split('\n'))
  } catch {
    return [line]
  }
}

async function stopChild(child: ChildProcess, ended: Promise<string>, hasEnded: () => boolean, timeoutMs: number): Promise<void> {
  if (hasEnded()) return
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  await ended
  clearTimeout(timer)
}

/** What an app sees of our environment besides its own settings: nothing of npm's, and no DATABASE_URL, which is an administrator's. */
function inherited(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_|^(DATABASE_URL|NODE_OPTIONS|INIT_CWD)$/.test(name))
  return Object.fromEntries(kept)
}
