import { readdir, readFile } from 'node:fs/promises'

// Linux counts CPU in clock ticks of 1/100 s for every process (sysconf(_SC_CLK_TCK)).
const TICK_MS = 10

/** CPU time in ms that a process has used so far, user and system; 0 for one that is gone. */
export async function cpuOf(pid: number): Promise<number> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  } catch {
    return 0
  }
}

/** CPU time in ms of a server and the processes it has started: for PostgreSQL, its backends. */
export async function cpuOfTree(pid: number): Promise<number> {
  let sum = await cpuOf(pid)
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const parent = await parentOf(Number(entry))
    if (parent === pid) sum += await cpuOf(Number(entry))
  }
  return sum
}

/** Resident memory of a process in MiB, now and at its highest. */
export async function memoryOf(pid: number): Promise<{ nowMiB: number; peakMiB: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const mib = (name: string) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024)
  return { nowMiB: mib('VmRSS'), peakMiB: mib('VmHWM') }
}

async function parentOf(pid: number): Promise<number | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined
  }
}
