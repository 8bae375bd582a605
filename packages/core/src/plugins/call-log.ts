import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import type { PluginBudget } from './budget.ts'
import { CALLS_KEPT_PPM, FIRST_CALLS_KEPT } from './limits.ts'
import type { ProviderAnswer } from './port.ts'

/** One call as it is kept, with all that is needed to run it again. Times in microseconds. */
export interface CallRecord {
  installId: string
  releaseId: string
  plugin: string
  version: string
  hook: string
  configuration: unknown
  answer: ProviderAnswer
  calledAt: Date
  keepAll: boolean
}

interface Pending {
  inMerchant: InMerchant
  records: (CallRecord & { id: string })[]
  calls: bigint
  failures: bigint
  cpuUs: bigint
}

interface Spent {
  day: string
  calls: bigint
  cpuUs: bigint
  callsMax: bigint
  cpuUsMax: bigint
}

const FLUSH_EVERY_MS = 500
// What one merchant may leave in memory between two flushes; failures beyond it are counted and not kept.
const RECORDS_PENDING_MAX = 200
const MERCHANTS_PENDING_MAX = 10_000
const PPM = 1_000_000

/**
 * Keeps calls for the plugin's author and counts what they cost against the merchant's day. Written behind the answers,
 * twice a second: a process that is killed loses at most that much of the log, and no order depends on it.
 */
export class CallLog {
  readonly #pending = new Map<string, Pending>()
  readonly #spent = new Map<string, Spent>()
  readonly #seen = new Map<string, number>()
  readonly #onError: (error: unknown) => void
  readonly #budgetOf: (merchantId: string) => PluginBudget
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> = Promise.resolve()

  /** `budgetOf` is what a merchant has that was given no budget of its own. */
  constructor(onError: (error: unknown) => void, budgetOf: (merchantId: string) => PluginBudget) {
    this.#onError = onError
    this.#budgetOf = budgetOf
  }

  /** Whether the merchant's day has room for another call, as far as this process knows. */
  hasBudget(merchantId: string, now: Date): boolean {
    const spent = this.#spent.get(merchantId)
    if (!spent || spent.day !== dayOf(now)) return true
    const pending = this.#pending.get(merchantId)
    return spent.calls + (pending?.calls ?? 0n) < spent.callsMax && spent.cpuUs + (pending?.cpuUs ?? 0n) < spent.cpuUsMax
  }

  add(inMerchant: InMerchant, record: CallRecord): void {
    const merchantId = inMerchant.merchant.id
    if (!this.#pending.has(merchantId) && this.#pending.size >= MERCHANTS_PENDING_MAX) return
    const pending = this.#pending.get(merchantId) ?? { inMerchant, records: [], calls: 0n, failures: 0n, cpuUs: 0n }
    this.#pending.set(merchantId, pending)
    pending.calls += 1n
    pending.cpuUs += BigInt(record.answer.cpuUs)
    if (!record.answer.ok) pending.failures += 1n
    const id = newId(record.calledAt)
    if (this.#isKept(record, id) && pending.records.length < RECORDS_PENDING_MAX) pending.records.push({ ...record, id })
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_EVERY_MS).unref()
  }

  /** Writes what is waiting. Resolves when it is in the database, or was given up with a word to `onError`. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const batch = [...this.#pending.values()]
    this.#pending.clear()
    this.#flushing = this.#flushing.then(async () => {
      for (const pending of batch) await this.#write(pending).catch(this.#onError)
    })
    return this.#flushing
  }

  async #write(pending: Pending): Promise<void> {
    const now = new Date()
    const budget = this.#budgetOf(pending.inMerchant.merchant.id)
    const [[spent]] = await pending.inMerchant((tx) =>
      Promise.all([countUsage(tx, pending, dayOf(now), budget), ...(pending.records.length > 0 ? [insertCalls(tx, pending.records)] : [])]),
    )
    if (spent) this.#spent.set(pending.inMerchant.merchant.id, spent as unknown as Spent)
  }

  #isKept(record: CallRecord, id: string): boolean {
    if (!record.answer.ok || record.keepAll) return true
    const series = `${record.installId}|${record.releaseId}|${JSON.stringify(record.configuration)}`
    const seen = this.#seen.get(series) ?? 0
    if (this.#seen.size > MERCHANTS_PENDING_MAX) this.#seen.clear()
    this.#seen.set(series, seen + 1)
    // The end of an id is chance.
    return seen < FIRST_CALLS_KEPT || Number.parseInt(id.slice(-8), 16) % PPM < CALLS_KEPT_PPM
  }
}

function countUsage(tx: Pick<Tx, 'merchantId' | 'sql'>, { calls, failures, cpuUs }: Pending, day: string, ofPlan: PluginBudget): Query {
  return tx.sql`
    with counted as (
      insert into plugin_usage as u (merchant_id, day, calls, failures, cpu_us)
      values (${tx.merchantId}, ${day}::date, ${calls}, ${failures}, ${cpuUs})
      on conflict (merchant_id, day) do update
        set calls = u.calls + excluded.calls, failures = u.failures + excluded.failures, cpu_us = u.cpu_us + excluded.cpu_us
      returning u.calls, u.cpu_us
    )
    select ${day} as day, counted.calls, counted.cpu_us as "cpuUs", coalesce(b.calls_per_day, ${ofPlan.callsPerDay}::bigint) as "callsMax",
      coalesce(b.cpu_ms_per_day, ${ofPlan.cpuMsPerDay}::bigint) * 1000 as "cpuUsMax"
    from counted left join plugin_budget b on b.merchant_id = ${tx.merchantId}`
}

function insertCalls(tx: Pick<Tx, 'merchantId' | 'sql'>, records: readonly (CallRecord & { id: string })[]): Query {
  const rows = records.map(({ answer, ...record }) => ({
    id: record.id,
    install_id: record.installId,
    release_id: record.releaseId,
    plugin: record.plugin,
    version: record.version,
    hook: `${answer.contract}.${record.hook}`,
    outcome: answer.ok ? 'ok' : 'failed',
    reason: answer.ok ? null : answer.reason,
    detail: answer.ok ? null : answer.detail,
    input: answer.input ?? null,
    configuration: record.configuration ?? null,
    output: answer.ok ? answer.raw : null,
    logs: answer.logs,
    cpu_us: Math.round(answer.cpuUs),
    wall_us: Math.round(answer.wallUs),
    called_at: record.calledAt.toISOString(),
  }))
  // Joined with the installations: one that was taken out meanwhile needs no log.
  return tx.sql`
    insert into plugin_call (merchant_id, id, install_id, release_id, plugin, version, hook, outcome, reason, detail, input, configuration,
      output, logs, cpu_us, wall_us, called_at)
    select ${tx.merchantId}::uuid, c.id, c.install_id, c.release_id, c.plugin, c.version, c.hook, c.outcome, c.reason, c.detail,
      coalesce(c.input, 'null'), coalesce(c.configuration, 'null'), c.output, c.logs, c.cpu_us, c.wall_us, c.called_at
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as c (id uuid, install_id uuid, release_id uuid, plugin text, version text,
      hook text, outcome text, reason text, detail text, input jsonb, configuration jsonb, output jsonb, logs jsonb, cpu_us bigint,
      wall_us bigint, called_at timestamptz)
      join plugin_install i on i.merchant_id = ${tx.merchantId} and i.id = c.install_id`
}

function dayOf(now: Date): string {
  return now.toISOString().slice(0, 10)
}
