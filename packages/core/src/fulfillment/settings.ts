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
}

const DEFAULTS: FulfillmentSettings = { opensOn: 'placed', returnWindowDays: 30 }

export async function loadFulfillmentSettings(tx: Pick<Tx, 'merchantId' | 'sql'>): Promise<FulfillmentSettings> {
  const [row] = await tx.sql<FulfillmentSettings[]>`
    select opens_on as "opensOn", return_window_days as "returnWindowDays" from fulfillment_settings where merchant_id = ${tx.merchantId}`
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
  const after = { opensOn: changes.opensOn ?? before.opensOn, returnWindowDays: changes.returnWindowDays ?? before.returnWindowDays }
  if (after.opensOn === before.opensOn && after.returnWindowDays === before.returnWindowDays) return before
  await tx.sql`
    update fulfillment_settings set opens_on = ${after.opensOn}, return_window_days = ${after.returnWindowDays}, updated_at = ${by.now}
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

function documentOf({ opensOn, returnWindowDays }: FulfillmentSettings) {
  return { opens_on: opensOn, return_window_days: returnWindowDays }
}
