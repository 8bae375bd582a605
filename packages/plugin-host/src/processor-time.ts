import { readFileSync } from 'node:fs'

// Linux counts in clock ticks of 1/100 s for every process (sysconf(_SC_CLK_TCK)).
const TICK_MS = 10

/** Milliseconds of a processor that a process has used so far, user and system. Undefined where the system does not tell. */
export function processorMs(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name in brackets, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  } catch {
    return undefined
  }
}
