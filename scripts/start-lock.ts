import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { commandOf } from '@souk/local-postgres/processes.ts'
import { Explained } from './explained.ts'

interface Holder {
  pid: number
  port: number
}

/** Lets one start at a time use the state folder. A lock whose process is gone is taken over. Answers how to let go of it. */
export function takeLock(file: string, port: number): () => void {
  const own = `${file}.${process.pid}`
  writeFileSync(own, JSON.stringify({ pid: process.pid, port } satisfies Holder))
  try {
    while (!linked(own, file)) {
      const holder = lockHolder(file)
      if (holder)
        throw new Explained(`Souk already runs from this checkout (process ${holder.pid}, port ${holder.port}). ${howToStop(holder)}`)
      removeStale(file)
    }
  } finally {
    rmSync(own, { force: true })
  }
  return () => {
    if (readHolder(file)?.pid === process.pid) rmSync(file, { force: true })
  }
}

/** The start that uses the state folder now, if one does. */
export function lockHolder(file: string): Holder | undefined {
  const holder = readHolder(file)
  // A pid is used again after a restart of the machine, so the command has to fit too.
  return holder && commandOf(holder.pid)?.includes('start.ts') ? holder : undefined
}

export function howToStop(holder: { pid: number }): string {
  return `Stop it with Ctrl-C in its terminal, or with \`kill ${holder.pid}\`.`
}

/** A link appears complete or not at all, and never over another. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Takes a stale lock out of the way, unless another start was quicker and it is that one's lock by now: then it is put back. */
function removeStale(file: string): void {
  const aside = `${file}.stale-${process.pid}`
  try {
    renameSync(file, aside)
  } catch {
    return
  }
  if (lockHolder(aside)) linked(aside, file)
  rmSync(aside, { force: true })
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder
  } catch {
    return undefined
  }
}
