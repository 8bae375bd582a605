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

/** The answer of `budgetQuery`, or what everybody has. */
export function toBudget(rows: readonly unknown[] | undefined): PluginBudget {
  const [row] = (rows ?? []) as PluginBudget[]
  return row ?? { callsPerDay: CALLS_PER_DAY_DEFAULT, cpuMsPerDay: CPU_MS_PER_DAY_DEFAULT }
}

/** Sets a merchant's budget. Processes learn of it with the next calls they count. */
export function setBudget(tx: Pick<Tx, 'merchantId' | 'sql'>, budget: PluginBudget, now: Date): Query {
  return tx.sql`
    insert into plugin_budget (merchant_id, calls_per_day, cpu_ms_per_day, updated_at)
    values (${tx.merchantId}, ${budget.callsPerDay}, ${budget.cpuMsPerDay}, ${now})
    on conflict (merchant_id) do update
      set calls_per_day = excluded.calls_per_day, cpu_ms_per_day = excluded.cpu_ms_per_day, updated_at = excluded.updated_at`
}
