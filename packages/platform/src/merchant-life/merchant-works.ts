import { randomUUID } from 'node:crypto'
import { Refusal } from '@souk/core/refusal.ts'
import type postgres from 'postgres'
import type { PlatformSql } from '../platform-sql.ts'

export type WorkKind = 'export' | 'restore' | 'sandbox' | 'erasure'
export type WorkState = 'queued' | 'running' | 'done' | 'failed'

/** Something that happens to a merchant as a whole, and how far it has come. */
export interface MerchantWork {
  id: string
  kind: WorkKind
  merchantId: string
  archiveId: string | null
  parameters: Record<string, unknown>
  state: WorkState
  step: string
  figures: WorkFigures
  failure: string | null
  attempts: number
  requestedBy: string
  requestedAt: Date
  finishedAt: Date | null
}

/** What has been done so far. */
export interface WorkFigures {
  /** By table: of an export and a restore what was written, of an erasure what was there. */
  rows?: Record<string, number>
  rowsDone?: number
  rowsTotal?: number
  jobs?: number
  mediaFiles?: number
  cells?: string[]
  /** Of an erasure: those that were there. */
  archives?: string[]
  durationMs?: number
}

/** The worker's hold on a work. */
export interface HeldWork {
  work: MerchantWork
  lease: string
}

const LEASE_S = 60
const RETRY_S = [5, 15, 60, 300]
export const ATTEMPTS_MAX = RETRY_S.length + 1
/** How often a work is begun at most, also when whoever does it dies and nobody hears why: it may be the work that kills them. */
export const TURNS_MAX = 20

/** Another worker has taken the work over: nothing this one does may count any more. */
export class WorkLost extends Error {
  override readonly name = 'WorkLost'
}

/** The rows of the directory by which workers know what to do. Every change is one statement that names the lease. */
export class MerchantWorks {
  readonly #sql: PlatformSql

  constructor(sql: PlatformSql) {
    this.#sql = sql
  }

  async find(id: string): Promise<MerchantWork | undefined> {
    const [work] = await this.#sql<MerchantWork[]>`select ${columns(this.#sql)} from platform.merchant_work where id = ${id}`
    return work
  }

  /** Refuses `not_found`. */
  async require(id: string): Promise<MerchantWork> {
    const work = await this.find(id)
    if (!work) throw new Refusal('not_found', { detail: 'There is no such work.' })
    return work
  }

  /** The newest first. */
  async list(page: { merchantId: string | undefined; before: string | undefined; limit: number }): Promise<MerchantWork[]> {
    const { merchantId = null, before = null, limit } = page
    return this.#sql<MerchantWork[]>`
      select ${columns(this.#sql)} from platform.merchant_work
      where (${merchantId}::uuid is null or merchant_id = ${merchantId}::uuid) and (${before}::uuid is null or id < ${before}::uuid)
      order by id desc limit ${limit}`
  }

  /** The next work that is due and nobody's: not begun, given back, or left by a worker that died. */
  async take(): Promise<HeldWork | undefined> {
    const lease = randomUUID()
    const [work] = await this.#sql<MerchantWork[]>`
      update platform.merchant_work set state = 'running', lease = ${lease}, leased_until = now() + make_interval(secs => ${LEASE_S}::int),
        attempts = attempts + 1
      where id = (
        select id from platform.merchant_work where state in ('queued', 'running') and due_at <= now() and leased_until < now()
        order by due_at limit 1 for update skip locked)
      returning ${columns(this.#sql)}`
    return work && { work, lease }
  }

  /** Holds the work for another minute, and tells what has been done. Throws WorkLost when it is another's. */
  async keep({ work, lease }: HeldWork): Promise<void> {
    const kept = await this.#sql`
      update platform.merchant_work set leased_until = now() + make_interval(secs => ${LEASE_S}::int), step = ${work.step},
        figures = ${json(this.#sql, work.figures)}
      where id = ${work.id} and lease = ${lease} and state = 'running' returning id`
    if (kept.length === 0) throw new WorkLost('The work is another worker`s by now.')
  }

  /** Puts the work off after a failure that may pass, or ends it. Answers which; `lost` when it is another's by now. */
  async fail({ work, lease }: HeldWork, failure: { message: string; isFinal: boolean }): Promise<'retry' | 'failed' | 'lost'> {
    const isLast = failure.isFinal || work.attempts >= ATTEMPTS_MAX
    if (!isLast) {
      await this.#sql`
        update platform.merchant_work set due_at = now() + make_interval(secs => ${RETRY_S[work.attempts - 1] ?? 300}::int), lease = null,
          leased_until = '-infinity'
        where id = ${work.id} and lease = ${lease}`
      return 'retry'
    }
    const ended = await this.#sql`
      with ended as (
        update platform.merchant_work set state = 'failed', failure = ${failure.message}, finished_at = now(), lease = null,
          leased_until = '-infinity'
        where id = ${work.id} and lease = ${lease} returning id, kind, merchant_id
      )
      insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
      select null, 'merchant_work.failed', merchant_id, jsonb_build_object('work', id, 'kind', kind), now() from ended`
    return ended.count === 0 ? 'lost' : 'failed'
  }

  /** Gives the work back as it is: this worker is being closed. */
  async giveBack({ work, lease }: HeldWork): Promise<void> {
    await this.#sql`
      update platform.merchant_work set lease = null, leased_until = '-infinity', attempts = attempts - 1
      where id = ${work.id} and lease = ${lease} and state = 'running'`
  }
}

/** The columns of a work, under the names of its interface. */
export function columns(sql: PlatformSql): postgres.PendingQuery<postgres.Row[]> {
  return sql`id, kind, merchant_id as "merchantId", archive_id as "archiveId", parameters, state, step, figures, failure, attempts,
    requested_by as "requestedBy", requested_at as "requestedAt", finished_at as "finishedAt"`
}

/** A plain object as a parameter of type jsonb. */
export function json(sql: PlatformSql, value: unknown) {
  return sql.json(value as postgres.JSONValue)
}
