import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { CrashPoint } from '../../crash-point.ts'
import type { Move } from '../move.ts'
import type { TwoCells } from './two-cells.ts'

const WITHIN_MS = 120_000

/** Runs a mover in a process of its own that dies at a crash point. */
export async function dieAt(cells: TwoCells, point: CrashPoint, move: Move): Promise<void> {
  const told = JSON.stringify({ directoryUrl: cells.directoryUrl, addresses: cells.addresses, crash: point })
  const file = fileURLToPath(new URL('./run-mover.ts', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [file, told], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout!.on('data', (text) => {
    output += text
  })
  const timer = setTimeout(() => child.kill('SIGTERM'), WITHIN_MS)
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
  clearTimeout(timer)
  if (signal !== 'SIGKILL') throw new Error(`the mover did not come to ${point}: ${signal}\n${output}`)
  // Its lease would run out by itself, in ten seconds.
  await cells.directory`update platform.move set lease_owner = null, lease_until = '-infinity' where id = ${move.id}`
}
