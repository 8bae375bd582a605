import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { recordEvent } from '../events/record.ts'
import type { OpensOn } from './fulfillment.ts'

export const RETURN_WINDOW_DAYS_MAX = 3_650

export interface FulfillmentSettings {
  opensOn: OpensOn
  /** So long after their goods were sent or delivered buyers may ask to return them; 0: only staff may. */
  returnWindowDays: number
  /** Goods that need no sending, as downloads, are fulfilled by themselves once their order is paid. */
  fulfilsUnsent: boolean
}

const DEFAULTS: FulfillmentSettings = { opensOn: 'placed', returnWindowDays: 30, fulfilsUnsent: false }

export async function loadFulfillmentSettings(tx: Pick<Tx, 'merchantId' | 'sql'>): Promise<FulfillmentSettings> {
  const [row] = await tx.sql<FulfillmentSettings[]>`
    select opens_on as "opensOn", return_window_days as "returnWindowDays", fulfils_unsent as "fulfilsUnsent"
    from fulfillment_settings where merchant_id = ${tx.merchantId}`
  return row ?? DEFAULTS
}

/** Changes how goods are sent. Orders that were placed before stay as they are. */
export async function updateFulfillmentSettings(
  tx: Tx,
  changes: { [Key in keyof FulfillmentSettings]?: FulfillmentSettings[Key] | undefined },
  by: { actor: Actor; now: Date; reason: string },
): Promise<FulfillmentSettings> {
  await tx.sql`insert into fulfillment_settings (merchant_id) values (${tx.merchantId}) on conflict do nothing`
  await tx.sql`select 1 from fulfillment_settings where merchant_id = ${tx.merchantId} for no key update`
  const before = await loadFulfillmentSettings(tx)
  const after = {
    opensOn: changes.opensOn ?? before.opensOn,
    returnWindowDays: changes.returnWindowDays ?? before.returnWindowDays,
    fulfilsUnsent: changes.fulfilsUnsent ?? before.fulfilsUnsent,
  }
  if (JSON.stringify(after) === JSON.stringify(before)) return before
  await tx.sql`
    update fulfillment_settings set opens_on = ${after.opensOn}, return_window_days = ${after.returnWindowDays},
      fulfils_unsent = ${after.fulfilsUnsent}, updated_at = ${by.now}
    where merchant_id = ${tx.merchantId}`
  const documents = { before: documentOf(before), after: documentOf(after) }
  await Promise.all([
    recordAudit(tx, {
      action: 'fulfillment_settings.updated',
      targetType: 'fulfillment_settings',
      targetId: tx.merchantId,
      ...documents,
      ...by,
    }),
    recordEvent(tx, {
      type: 'fulfillment_settings.updated',
      aggregateType: 'merchant',
      aggregateId: tx.merchantId,
      data: documents.after,
      actor: by.actor,
      now: by.now,
    }),
  ])
  return after
}

function documentOf({ opensOn, returnWindowDays, fulfilsUnsent }: FulfillmentSettings) {
  return { opens_on: opensOn, return_window_days: returnWindowDays, fulfils_unsent: fulfilsUnsent }
}
