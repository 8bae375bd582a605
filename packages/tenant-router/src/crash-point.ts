import { appendFileSync, existsSync, readFileSync, rmSync, writeSync } from 'node:fs'

/** Where a mover is killed or stopped, in the order in which a move comes by; the last ones as its old home is cleared. */
export const MOVE_CRASH_POINTS = [
  'move.claimed',
  'move.preflighted',
  'move.object_noted',
  'move.published',
  'move.slot_made',
  'move.tables_copied',
  'move.seeded',
  'move.subscribed',
  'move.caught_up',
  'move.verified',
  'move.fencing',
  'move.fenced',
  'move.unfencing',
  'move.lifted',
  'move.marker_arrived',
  'move.switched',
  'move.arrived',
  'move.departed',
  'move.opened',
  'move.stream_dropped',
  'move.batch_removed',
  'move.removed',
  'move.forgotten',
] as const

/** The moments at which a process is killed on purpose by tests: before or after a commit, or between two phases. */
export const CRASH_POINTS = [
  'cart.changed',
  'cart.priced',
  'checkout.quoted',
  'checkout.before_claim',
  'checkout.claimed',
  'checkout.committed',
  'checkout.submitting',
  'checkout.submitted',
  'checkout.answering',
  'checkout.answered',
  'payment.begun',
  'payment.before_provider',
  'payment.after_provider',
  'payment.settling',
  'payment.settled',
  'operation.begun',
  'operation.before_provider',
  'operation.after_provider',
  'operation.settling',
  'operation.settled',
  'callback.storing',
  'callback.stored',
  'callback.processing',
  'callback.processed',
  'order.expiring',
  'order.expired',
  'mail.before_delivery',
  'mail.after_delivery',
  'mail.followed',
  'cancel.released',
  'checkout.reserved_ahead',
  'stock.batch_granted',
  'stock.batch_committed',
  'stock.swept',
  'refund.asked',
  'refund.recorded',
  'reconciliation.read',
  'edit.written',
  'fulfillment.picked',
  'fulfillment.shipped',
  'fulfillment.delivered',
  'return.received',
  'shipment.before_carrier',
  'shipment.after_carrier',
  'import.part_received',
  'import.sealed',
  'import.chunk_written',
  'import.chunk_committed',
  'coupons.chunk_written',
  'coupons.chunk_committed',
  'dry_run.chunk_written',
  'dry_run.chunk_committed',
  'webhook.before_send',
  'webhook.after_send',
  'webhook.recorded',
  ...MOVE_CRASH_POINTS,
] as const

/** Around every commit and every outside call of a use case: use-case.ts names them. */
type PointOfUseCase = `${string}.${'committing' | 'committed'}` | `${string}.${'calling' | 'called'}_${string}`

export type CrashPoint = (typeof CRASH_POINTS)[number] | PointOfUseCase

const STANDARD_ERROR = 2

const OF_USE_CASE = /^\w+\.(committing|committed|calling_[a-z]+|called_[a-z]+)$/

let strike: ((point: CrashPoint) => void) | undefined

/** Called where a crash is interesting. Does nothing unless a process was started to be killed there. */
export function crashPoint(point: CrashPoint): void {
  strike?.(point)
}

/** Whether somebody listens at crash points. In production nobody does. */
export function isArmed(): boolean {
  return strike !== undefined
}

/** Tells this process what to do at crash points; undefined: nothing any more. */
export function onCrashPoint(handler: ((point: CrashPoint) => void) | undefined): void {
  strike = handler
}

/**
 * Arms this process: at the nth pass of a point a signal goes to a process, as a rule to itself. `told` is `<point>`,
 * `<point>:<nth>` or `<point>:<nth>:<signal>`: SIGKILL if nothing else is said, or SIGSTOP, for one who stands still there until
 * somebody kills or wakes it; or `@<file>`, for one who is told later. For the main file of an app, which reads it from SOUK_CRASH_AT.
 */
export function crashAt(told: string, pid: number): void {
  if (told.startsWith('@')) {
    crashAsToldLater(told.slice(1), pid)
    return
  }
  const [point, nth = '1', signal = 'SIGKILL'] = told.split(':')
  if (!isCrashPoint(point!)) throw new Error(`SOUK_CRASH_AT names no crash point: ${told}`)
  if (signal !== 'SIGKILL' && signal !== 'SIGSTOP') throw new Error(`SOUK_CRASH_AT names another signal than SIGKILL and SIGSTOP: ${told}`)
  let left = Number(nth)
  onCrashPoint((passed) => {
    if (passed !== point || --left !== 0) return
    // At once: a thread's own stream passes through the thread that is stopped with it.
    if (signal === 'SIGSTOP') writeSync(STANDARD_ERROR, `${standsStill(point, pid)}\n`)
    process.kill(pid, signal)
  })
}

/** What a process writes before it is stopped at a point. */
export function standsStill(point: string, pid: number): string {
  return `process ${pid} stands still at ${point}`
}

/** What a file says to a process that asks it: at the nth pass of a point, whom to kill; itself, if nobody is named. */
export interface CrashOrder {
  point: CrashPoint
  nth: number
  pid?: number
}

/** Where a process that asks a file notes every point it passes. */
export function passesFile(file: string): string {
  return `${file}.passed`
}

/** Asks a file at every pass. An order is carried out once: the file is gone before whoever it names is. */
function crashAsToldLater(file: string, ownPid: number): void {
  let known = ''
  let left = 0
  onCrashPoint((passed) => {
    appendFileSync(passesFile(file), `${passed}\n`)
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    if (text === '') return
    const { point, nth, pid } = JSON.parse(text) as CrashOrder
    if (text !== known) left = nth
    known = text
    if (passed !== point || --left !== 0) return
    rmSync(file)
    process.kill(pid ?? ownPid, 'SIGKILL')
  })
}

function isCrashPoint(name: string): boolean {
  return CRASH_POINTS.some((known) => known === name) || OF_USE_CASE.test(name)
}
