import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// A control group of Linux for one runner: the kernel's own limit of its memory, which acts at once where the runner's watchdog looks every
// 100 ms. Needs a folder of the control group file system that this process may write to.

const PROCESSES_MAX = 64

/** Puts a process into a group of its own, limited. Answers what removes the group, once the process is gone. */
export function limitMemory(folder: string, pid: number, memoryBytesMax: number): () => void {
  const group = join(folder, `souk-runner-${pid}`)
  mkdirSync(group)
  for (const [file, value] of limits(group, memoryBytesMax)) if (existsSync(join(group, file))) writeFileSync(join(group, file), value)
  writeFileSync(join(group, 'cgroup.procs'), String(pid))
  return () => {
    try {
      rmdirSync(group)
    } catch {
      // Left behind empty; the next start of the machine takes it along.
    }
  }
}

/** Version 2 has memory.max, version 1 memory.limit_in_bytes. Swap would only make a plugin slow instead of stopping it. */
function limits(group: string, memoryBytesMax: number): [string, string][] {
  const memory = String(memoryBytesMax)
  if (existsSync(join(group, 'memory.limit_in_bytes'))) {
    return [
      ['memory.limit_in_bytes', memory],
      ['memory.memsw.limit_in_bytes', memory],
    ]
  }
  return [
    ['memory.max', memory],
    ['memory.swap.max', '0'],
    ['pids.max', String(PROCESSES_MAX)],
  ]
}
