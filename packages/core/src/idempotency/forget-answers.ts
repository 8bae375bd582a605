import type { Tx } from '@souk/tenant-router/tx.ts'
import { ANSWER_PENDING } from './idempotency.ts'

/** Whose answers are meant: an answer about a person has their address in it, or one of their ids. */
export interface Person {
  email: string
  customerId: string
  addressIds: readonly string[]
}

/** Members of answers that say who somebody is, wherever they are. */
const PERSONAL = new Set(['email', 'shipping_address', 'billing_address', 'vat_id', 'phone', 'recipient'])
const ADDRESSES = '%/customers/me/addresses%'

/**
 * Takes a person out of the answers that are kept for repeated requests. The keys stay, so that nothing is done a second time; whoever
 * repeats a request of theirs gets its answer without what said who they are.
 */
export async function forgetAnswers(tx: Tx, person: Person): Promise<void> {
  const { email, customerId, addressIds } = person
  const rows = await tx.sql<{ route: string; key: string; response_body: string }[]>`
    select route, key, response_body from idempotency_key
    where merchant_id = ${tx.merchantId} and status_code <> ${ANSWER_PENDING} and (
      strpos(response_body, ${JSON.stringify(email)}) > 0 or strpos(response_body, ${customerId}) > 0
      or route like ${ADDRESSES} and exists (select from unnest(${[...addressIds]}::uuid[]) as id where strpos(response_body, id::text) > 0))`
  const ids = new Set([customerId, ...addressIds])
  const without = rows.map(({ route, key, response_body: body }) => ({
    route,
    key,
    body: JSON.stringify(impersonal(JSON.parse(body), ids)),
  }))
  await tx.sql`
    update idempotency_key k set response_body = kept.body
    from jsonb_to_recordset(${JSON.stringify(without)}::jsonb) as kept (route text, key text, body text)
    where k.merchant_id = ${tx.merchantId} and k.route = kept.route and k.key = kept.key`
}

/** A document without its personal members; of the person's own records only the id is left. */
function impersonal(document: unknown, ids: ReadonlySet<string>): unknown {
  if (Array.isArray(document)) return document.map((item) => impersonal(item, ids))
  if (typeof document !== 'object' || document === null) return document
  const { id } = document as { id?: unknown }
  if (typeof id === 'string' && ids.has(id)) return { id }
  return Object.fromEntries(Object.entries(document).map(([name, value]) => [name, PERSONAL.has(name) ? null : impersonal(value, ids)]))
}
