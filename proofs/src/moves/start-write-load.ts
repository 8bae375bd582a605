import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Process } from '../process.ts'
import { CELLS, type MovingWorld } from './moving-world.ts'
import type { Confirmed } from './shopper.ts'

/** What the process that writes is told. */
export interface WriteLoadOrders {
  directoryUrl: string
  cellUrls: Record<string, string>
  merchantId: string
  variants: readonly string[]
  /** Write transactions in a second. */
  rate: number
  connections: number
  reportFile: string
}

/** What it did. Times in milliseconds of the machine's clock. */
export interface WriteLoadReport {
  /** When each transaction that was confirmed was asked for, and how long it took. */
  writes: [sentAt: number, tookMs: number][]
  confirmed: Confirmed[]
  /** When a transaction was refused because too many waited for a connection. It was asked again. */
  refusedAt: number[]
  failures: string[]
  /** Orders that were not begun because too many were under way. */
  behind: number
}

// As many as the standard plan lends the checkouts of one merchant in one process.
const CONNECTIONS = 4
const STARTS_WITHIN_MS = 60_000

/** Starts to write for the moved shop. */
export async function startWriteLoad(world: MovingWorld, rate: number): Promise<{ stop(): Promise<WriteLoadReport> }> {
  const { house, moved } = world
  const reportFile = join(tmpdir(), `souk-write-load-${process.pid}.json`)
  const orders: WriteLoadOrders = {
    directoryUrl: house.url('souk_app'),
    cellUrls: Object.fromEntries(CELLS.map((name) => [name, house.cell(name).url('souk_app')])),
    merchantId: moved.id,
    variants: moved.variants,
    rate,
    connections: CONNECTIONS,
    reportFile,
  }
  const writing = new Process('proofs/src/moves/write-load.ts')
  writing.start({}, [JSON.stringify(orders)])
  const end = performance.now() + STARTS_WITHIN_MS
  while (!writing.output.includes('writing')) {
    if (!writing.isRunning || performance.now() > end) throw new Error(`nothing is written:\n${writing.output}`)
    await pause(20)
  }
  return {
    stop: async () => {
      const code = await writing.stop()
      if (code !== 0) throw new Error(`writing ended badly:\n${writing.output}`)
      const report = JSON.parse(await readFile(reportFile, 'utf8')) as WriteLoadReport
      await rm(reportFile)
      return report
    },
  }
}
