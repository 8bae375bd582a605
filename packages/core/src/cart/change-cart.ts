import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import { type FieldProblem, Refusal } from '../refusal.ts'
import type { Address } from './address.ts'
import { type Cart, cartQueries, FLAT_SHIPPING, toCart } from './cart.ts'
import { CART_LINE_QUANTITY_MAX, CART_LINES_MAX } from './limits.ts'

export interface NewLine {
  variantId: string
  quantity: bigint
}

/** What a buyer says about the cart as a whole. What is absent stays; null empties it. */
export interface CartDetails {
  email?: string | null | undefined
  shippingAddress?: Address | null | undefined
  billingAddress?: Address | null | undefined
  shippingOption?: 'flat' | undefined
}

/** Opens a cart in the merchant's currency, with lines and details at once if the buyer has them. */
export async function createCart(tx: Tx, given: { lines: NewLine[]; details: CartDetails; now: Date }): Promise<Cart> {
  const cartId = newId(given.now)
  const { details } = given
  const opened = tx.sql`
    insert into cart (merchant_id, id, currency, email, shipping_address, billing_address, shipping_option)
    select merchant_id, ${cartId}, currency, ${details.email ?? null}, ${jsonOrNull(details.shippingAddress)}::jsonb,
      ${jsonOrNull(details.billingAddress)}::jsonb, ${details.shippingOption ?? FLAT_SHIPPING}
    from merchant_settings where merchant_id = ${tx.merchantId}`
  return changeLines(tx, cartId, given.lines, given.now, opened)
}

/** Adds units of variants; a variant that is in the cart already gets more. */
export async function addLines(tx: Tx, cartId: string, given: { lines: NewLine[]; now: Date }): Promise<Cart> {
  return changeLines(tx, cartId, given.lines, given.now)
}

/** Sets how many units a line has. */
export async function setLineQuantity(tx: Tx, cartId: string, given: { lineId: string; quantity: bigint }): Promise<Cart> {
  assertQuantity(given.quantity, '/quantity')
  const changed = tx.sql`
    update cart_line set quantity = ${given.quantity}
    where merchant_id = ${tx.merchantId} and cart_id = ${cartId} and id = ${given.lineId}
    returning variant_id`
  const { cart, rows } = await change<{ variant_id: string }>(tx, cartId, changed)
  const [row] = rows
  if (!row) throw new Refusal('not_found', { detail: 'There is no such line in this cart.' })
  assertInStock(cart, new Map([[row.variant_id, '/quantity']]))
  return cart
}

/** Takes a line out of the cart. */
export async function removeLine(tx: Tx, cartId: string, lineId: string): Promise<Cart> {
  const removed = tx.sql`
    delete from cart_line where merchant_id = ${tx.merchantId} and cart_id = ${cartId} and id = ${lineId} returning id`
  const { cart, rows } = await change(tx, cartId, removed)
  if (rows.length === 0) throw new Refusal('not_found', { detail: 'There is no such line in this cart.' })
  return cart
}

/** Changes who buys, and where it goes. */
export async function updateCart(tx: Tx, cartId: string, details: CartDetails): Promise<Cart> {
  const { email, shippingAddress, billingAddress, shippingOption } = details
  const updated = tx.sql`
    update cart set
      email = case when ${email !== undefined} then ${email ?? null} else email end,
      shipping_address = case when ${shippingAddress !== undefined} then ${jsonOrNull(shippingAddress)}::jsonb else shipping_address end,
      billing_address = case when ${billingAddress !== undefined} then ${jsonOrNull(billingAddress)}::jsonb else billing_address end,
      shipping_option = coalesce(${shippingOption ?? null}, shipping_option)
    where merchant_id = ${tx.merchantId} and id = ${cartId}`
  return (await change(tx, cartId, updated)).cart
}

async function changeLines(tx: Tx, cartId: string, lines: NewLine[], now: Date, opening?: Query): Promise<Cart> {
  const { merged, pointers } = merge(lines)
  const wanted = merged.map((line) => ({ id: newId(now), variant_id: line.variantId, quantity: Number(line.quantity) }))
  const added = tx.sql`
    insert into cart_line (merchant_id, id, cart_id, variant_id, quantity)
    select v.merchant_id, x.id, c.id, v.id, x.quantity
    from jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb) as x (id uuid, variant_id uuid, quantity bigint)
      join variant v on v.merchant_id = ${tx.merchantId} and v.id = x.variant_id
      join product p on p.merchant_id = v.merchant_id and p.id = v.product_id and p.status = 'active' and p.published
      join cart c on c.merchant_id = v.merchant_id and c.id = ${cartId}
    on conflict (merchant_id, cart_id, variant_id) do update set quantity = cart_line.quantity + excluded.quantity
    returning variant_id, quantity`
  const { cart, rows } = await change<{ variant_id: string; quantity: bigint }>(tx, cartId, added, opening)
  assertFound(rows, pointers)
  for (const row of rows) assertQuantity(row.quantity, pointers.get(row.variant_id)!)
  if (cart.lines.length > CART_LINES_MAX) throw tooManyLines()
  assertInStock(cart, pointers)
  return cart
}

/**
 * Runs a statement on a cart that is held and open, and reads the cart back: all in one flight. The cart's row is locked
 * first, so that two changes of one cart take turns.
 */
async function change<Row>(tx: Tx, cartId: string, statement: Query, opening?: Query): Promise<{ cart: Cart; rows: Row[] }> {
  const held =
    opening ?? tx.sql`update cart set version = version + 1, updated_at = now() where merchant_id = ${tx.merchantId} and id = ${cartId}`
  const [, rows, ...read] = await Promise.all([held, statement, ...cartQueries(tx, cartId)])
  const cart = toCart(read)
  if (cart.status !== 'open')
    throw new Refusal('invalid_state', { detail: 'This cart has become an order.', extra: { current_state: cart.status } })
  return { cart, rows: rows as unknown as Row[] }
}

/** The same variant twice is one line. Remembers where in the request each variant came from. */
function merge(lines: NewLine[]): { merged: NewLine[]; pointers: Map<string, string> } {
  if (lines.length > CART_LINES_MAX) throw tooManyLines()
  const merged = new Map<string, NewLine>()
  const pointers = new Map<string, string>()
  for (const [index, line] of lines.entries()) {
    const pointer = `/lines/${index}`
    assertQuantity(line.quantity, `${pointer}/quantity`)
    const earlier = merged.get(line.variantId)
    merged.set(line.variantId, { variantId: line.variantId, quantity: line.quantity + (earlier?.quantity ?? 0n) })
    if (!earlier) pointers.set(line.variantId, pointer)
  }
  return { merged: [...merged.values()], pointers }
}

function assertFound(rows: { variant_id: string }[], pointers: Map<string, string>): void {
  const found = new Set(rows.map((row) => row.variant_id))
  const errors = [...pointers].filter(([variantId]) => !found.has(variantId)).map(([, pointer]) => ({ pointer, code: 'not_found' }))
  if (errors.length > 0) throw new Refusal('not_found', { detail: 'There is no such variant.', errors })
}

function assertQuantity(quantity: bigint, pointer: string): void {
  if (quantity >= 1n && quantity <= CART_LINE_QUANTITY_MAX) return
  const detail = `A quantity is between 1 and ${CART_LINE_QUANTITY_MAX}.`
  throw new Refusal('quantity_out_of_range', { detail, errors: [{ pointer, code: 'quantity_out_of_range' }] })
}

function assertInStock(cart: Cart, pointers: Map<string, string>): void {
  const errors: FieldProblem[] = cart.lines
    .filter((line) => !line.available && pointers.has(line.variantId))
    .map((line) => ({ pointer: pointers.get(line.variantId)!, code: 'insufficient_stock' }))
  if (errors.length > 0) throw new Refusal('insufficient_stock', { detail: 'There are not as many in stock.', errors })
}

function tooManyLines(): Refusal {
  return new Refusal('too_many_lines', { detail: `A cart holds at most ${CART_LINES_MAX} lines.` })
}

function jsonOrNull(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value)
}
