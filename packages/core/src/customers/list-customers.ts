import type { Tx } from '@souk/tenant-router/tx.ts'
import { openCursor, sealCursor, type TokenKeys } from '../capability.ts'
import { normalizeEmail } from '../merchant/staff.ts'
import { type Customer, customersById, toCustomers } from './customer.ts'

export interface CustomersPage {
  limit: number
  cursor?: string | undefined
  /** Only the one with this address. */
  email?: string | undefined
  /** Only those in this group, by its id. */
  groupId?: string | undefined
}

// Above every id that is made: where a list begins that goes down.
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** One page of the merchant's customers, the newest first. Refuses `invalid_cursor`. */
export async function listCustomers(
  tx: Tx,
  keys: TokenKeys,
  page: CustomersPage,
): Promise<{ customers: Customer[]; nextCursor: string | null }> {
  const scope = { merchantId: tx.merchantId, query: `customers|${page.email ?? ''}|${page.groupId ?? ''}` }
  const [before = LAST_ID] = page.cursor === undefined ? [] : openCursor(keys, scope, page.cursor)
  const email = page.email === undefined ? undefined : normalizeEmail(page.email)
  const rows =
    page.groupId === undefined
      ? await tx.sql<{ id: string }[]>`
          select id from customer
          where merchant_id = ${tx.merchantId} and id < ${before} ${email === undefined ? tx.sql`` : tx.sql`and email = ${email}`}
          order by id desc limit ${page.limit + 1}`
      : await tx.sql<{ id: string }[]>`
          select m.customer_id as id from customer_group_member m
            join customer c on c.merchant_id = ${tx.merchantId} and c.id = m.customer_id
              ${email === undefined ? tx.sql`` : tx.sql`and c.email = ${email}`}
          where m.merchant_id = ${tx.merchantId} and m.group_id = ${page.groupId} and m.customer_id < ${before}
          order by m.customer_id desc limit ${page.limit + 1}`
  const shown = rows.slice(0, page.limit).map((row) => row.id)
  const customers = toCustomers(await customersById(tx, shown)).reverse()
  const last = shown.at(-1)
  return { customers, nextCursor: rows.length > page.limit && last ? sealCursor(keys, scope, [last]) : null }
}
