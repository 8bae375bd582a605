import { Refusal } from '@souk/core/refusal.ts'
import type { PlatformSql } from '../platform-sql.ts'
import { type PlanLimits, STANDARD_PLAN } from './limits.ts'

export interface Plan {
  name: string
  limits: PlanLimits
  merchantCount: number
  updatedAt: Date
}

type By = { adminId: string; now: Date }

const FOREIGN_KEY_VIOLATION = '23503'

/** The platform's plans, and who has which. Every change is one statement, audited in it; processes hear of it at once. */
export class Plans {
  readonly #sql: PlatformSql

  constructor(sql: PlatformSql) {
    this.#sql = sql
  }

  async list(): Promise<Plan[]> {
    return this.#sql<Plan[]>`
      select p.name, p.limits, p.updated_at as "updatedAt",
        (select count(*)::int from platform.merchant m where m.plan = p.name and m.status <> 'erased') as "merchantCount"
      from platform.plan p order by p.name`
  }

  /** Makes a plan or gives it other limits, for all who have it. */
  async put(name: string, limits: PlanLimits, by: By): Promise<Plan> {
    const text = JSON.stringify(limits)
    await this.#sql`
      with put as (
        insert into platform.plan (name, limits, created_at, updated_at) values (${name}, ${text}::text::jsonb, ${by.now}, ${by.now})
        on conflict (name) do update set limits = excluded.limits, updated_at = excluded.updated_at
      )
      insert into platform.audit (admin_id, action, data, occurred_at)
      values (${by.adminId}, 'plan.put', jsonb_build_object('plan', ${name}::text, 'limits', ${text}::text::jsonb), ${by.now})`
    return this.#find(name)
  }

  /** Refuses `invalid_state` while a merchant has it, and always for the standard one. Merchants that were erased let go of it. */
  async remove(name: string, by: By): Promise<void> {
    if (name === STANDARD_PLAN) throw new Refusal('invalid_state', { detail: 'Every merchant without another plan has this one.' })
    try {
      const removed = await this.#sql`
        with erased as (update platform.merchant set plan = ${STANDARD_PLAN} where plan = ${name} and status = 'erased'),
        removed as (delete from platform.plan where name = ${name} returning name)
        insert into platform.audit (admin_id, action, data, occurred_at)
        select ${by.adminId}, 'plan.remove', jsonb_build_object('plan', name), ${by.now} from removed`
      if (removed.count === 0) throw noPlan()
    } catch (error) {
      if ((error as { code?: string }).code !== FOREIGN_KEY_VIOLATION) throw error
      throw new Refusal('invalid_state', { detail: 'Merchants have this plan.' })
    }
  }

  /** The plan of a merchant. Refuses `not_found`. */
  async ofMerchant(merchantId: string): Promise<Plan> {
    const [row] = await this.#sql<{ plan: string }[]>`select plan from platform.merchant where id = ${merchantId}`
    if (!row) throw noMerchant()
    return this.#find(row.plan)
  }

  /** Gives a merchant a plan. Repeating it changes nothing. Refuses `not_found`. */
  async assign(merchantId: string, plan: string, by: By): Promise<Plan> {
    // The plan is locked before anything else, as by its removal: in another order the two would wait for each other.
    const [row] = await this.#sql<{ known: boolean }[]>`
      with wanted as materialized (
        select name from platform.plan where name = ${plan} for key share
      ), assigned as (
        update platform.merchant m set plan = w.name from wanted w where m.id = ${merchantId} and m.plan <> w.name returning m.id
      ), audited as (
        insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
        select ${by.adminId}, 'merchant.set_plan', id, jsonb_build_object('plan', ${plan}::text), ${by.now} from assigned
      )
      select exists (select from wanted) as known`
    if (!row!.known) throw new Refusal('not_found', { detail: 'There is no such plan.', errors: [{ pointer: '/plan', code: 'not_found' }] })
    return this.ofMerchant(merchantId)
  }

  async #find(name: string): Promise<Plan> {
    const [plan] = await this.#sql<Plan[]>`
      select p.name, p.limits, p.updated_at as "updatedAt",
        (select count(*)::int from platform.merchant m where m.plan = p.name and m.status <> 'erased') as "merchantCount"
      from platform.plan p where p.name = ${name}`
    if (!plan) throw noPlan()
    return plan
  }
}

function noPlan(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such plan.' })
}

function noMerchant(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such merchant.' })
}
