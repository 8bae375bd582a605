import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'

// A slim Linux image has /proc but no `ps`; macOS has `ps` but no /proc.
const hasProc = process.platform === 'linux'

/** Whether the process exists and is not merely a zombie waiting to be collected by its parent. */
export function isRunning(pid: number): boolean {
  const state = hasProc ? statFields(pid)?.state : ps(['-o', 'stat=', '-p', String(pid)]).trim()[0]
  return state !== undefined && state !== 'Z' && state !== 'X'
}

/** Whether this running process is a PostgreSQL process of that data folder; a recycled pid is not. */
export function worksIn(pid: number, dataDir: string): boolean {
  if (!isRunning(pid)) return false
  if (!hasProc) return ps(['-o', 'command=', '-p', String(pid)]).includes('postgres')
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dataDir)
  } catch {
    return false
  }
}

/** The command line of a running process. */
export function commandOf(pid: number): string | undefined {
  if (!isRunning(pid)) return undefined
  if (!hasProc) return ps(['-o', 'command=', '-p', String(pid)]).trim() || undefined
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return undefined
  }
}

/** The running children of a process, read at this instant. */
export function childrenOf(parent: number): number[] {
  if (!hasProc) {
    return ps(['-axo', 'pid=,ppid='])
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number))
      .filter(([, ppid]) => ppid === parent)
      .map(([pid]) => pid as number)
  }
  return allPids().filter((pid) => statFields(pid)?.parent === parent)
}

/** Whether any running process still works in that data folder, such as a backend that has not yet noticed its postmaster's death. */
export function anyoneIn(dataDir: string): boolean {
  return hasProc && allPids().some((pid) => worksIn(pid, dataDir))
}

/** Sends the signal if the process is still there. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

function statFields(pid: number): { state: string; parent: number } | undefined {
  let line: string
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // The second field is the program's name in brackets and may hold spaces and brackets of its own.
  const [state, parent] = line.slice(line.lastIndexOf(')') + 2).split(' ')
  return { state: state ?? 'X', parent: Number(parent) }
}

function ps(flags: string[]): string {
  try {
    return execFileSync('ps', flags, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return ''
  }
}
