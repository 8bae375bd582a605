import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { CALLS_PER_DAY_DEFAULT, CPU_MS_PER_DAY_DEFAULT } from './limits.ts'

/** What the plugins of a merchant may cost on one day (UTC). Beyond it they are not asked, and failure policies apply. */
export interface PluginBudget {
  callsPerDay: bigint
  cpuMsPerDay: bigint
}

export function budgetQuery(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`
    select calls_per_day as "callsPerDay", cpu_ms_per_day as "cpuMsPerDay" from plugin_budget where merchant_id = ${tx.merchantId}`
}

/** What the plugins of everybody may cost who is on a plan. What it leaves out is as without one. */
export function planBudget(plan?: { calls_per_day?: number | undefined; cpu_ms_per_day?: number | undefined }): PluginBudget {
  return {
    callsPerDay: plan?.calls_per_day === undefined ? CALLS_PER_DAY_DEFAULT : BigInt(plan.calls_per_day),
    cpuMsPerDay: plan?.cpu_ms_per_day === undefined ? CPU_MS_PER_DAY_DEFAULT : BigInt(plan.cpu_ms_per_day),
  }
}

/** The answer of `budgetQuery`, which was set for this merchant alone, or what its plan says. */
export function toBudget(rows: readonly unknown[] | undefined, ofPlan: PluginBudget): PluginBudget {
  const [row] = (rows ?? []) as PluginBudget[]
  return row ?? ofPlan
}

/** Sets a merchant's own budget, whatever its plan says. Processes learn of it with the next calls they count. */
export function setBudget(tx: Pick<Tx, 'merchantId' | 'sql'>, budget: PluginBudget, now: Date): Query {
  return tx.sql`
    insert into plugin_budget (merchant_id, calls_per_day, cpu_ms_per_day, updated_at)
    values (${tx.merchantId}, ${budget.callsPerDay}, ${budget.cpuMsPerDay}, ${now})
    on conflict (merchant_id) do update
      set calls_per_day = excluded.calls_per_day, cpu_ms_per_day = excluded.cpu_ms_per_day, updated_at = excluded.updated_at`
}
