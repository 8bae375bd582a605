import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { invalidCustomerToken } from '../customers/customer-token.ts'
import { newId } from '../ids.ts'
import { normalizeEmail } from '../merchant/staff.ts'
import { type FieldProblem, Refusal } from '../refusal.ts'
import { readVatId } from '../taxes/vat-id.ts'
import type { Address } from './address.ts'
import { type Cart, cartQuestion, toCart } from './cart.ts'
import { CART_LINE_QUANTITY_MAX, CART_LINES_MAX } from './limits.ts'
import { reserveLines } from './reserve-lines.ts'

export interface NewLine {
  variantId: string
  quantity: bigint
}

/** What a buyer says about the cart as a whole. What is absent stays; null empties it. */
export interface CartDetails {
  email?: string | null | undefined
  shippingAddress?: Address | null | undefined
  billingAddress?: Address | null | undefined
  /** A code of the shop's shipping methods, or of a plugin's. */
  shippingOption?: string | null | undefined
  vatId?: string | null | undefined
  /** The customer that a token stood for. Its e-mail address is the cart's where the cart has none. */
  customerId?: string | null | undefined
}

export interface NewCart {
  /** Made by the caller where it has to be known before. */
  cartId?: string | undefined
  lines: NewLine[]
  details: CartDetails
  channel?: string | undefined
  now: Date
}

// Of the shop's own methods or a plugin's: `<installation>:<code>`.
const OF_A_PLUGIN = /^[0-9a-f-]{36}:/

/** Opens a cart in the merchant's currency, with lines and details at once if the buyer has them. */
export async function createCart(tx: Tx, given: NewCart): Promise<Cart> {
  const { details, cartId = newId(given.now) } = given
  const { email, customerId = null } = checked(details)
  const opened = tx.sql`
    insert into cart (merchant_id, id, currency, channel, customer_id, email, shipping_address, billing_address, shipping_option, vat_id)
    select s.merchant_id, ${cartId}, s.currency, ${given.channel ?? 'web'}, u.id, coalesce(${email ?? null}, u.email),
      ${jsonOrNull(details.shippingAddress)}::jsonb, ${jsonOrNull(details.billingAddress)}::jsonb, ${details.shippingOption ?? null},
      ${details.vatId ?? null}
    from merchant_settings s left join customer u on u.merchant_id = ${tx.merchantId} and u.id = ${customerId}::uuid
    where s.merchant_id = ${tx.merchantId}`
  const cart = await changeLines(tx, cartId, given.lines, given.now, opened)
  assertTaken(cart, details)
  return cart
}

/** Adds units of variants; a variant that is in the cart already gets more. */
export async function addLines(tx: Tx, cartId: string, given: { lines: NewLine[]; now: Date }): Promise<Cart> {
  return changeLines(tx, cartId, given.lines, given.now)
}

/** As addLines, for the staff who made the cart. */
export async function addDraftLines(tx: Tx, cartId: string, given: { lines: NewLine[]; now: Date }): Promise<Cart> {
  return changeLines(tx, cartId, given.lines, given.now, undefined, true)
}

/** Sets how many units a line has. */
export async function setLineQuantity(tx: Tx, cartId: string, given: { lineId: string; quantity: bigint; now: Date }): Promise<Cart> {
  assertQuantity(given.quantity, '/quantity')
  const changed = tx.sql`
    update cart_line set quantity = ${given.quantity}
    where merchant_id = ${tx.merchantId} and cart_id = ${cartId} and id = ${given.lineId}
    returning variant_id`
  const { cart, rows } = await changeCart<{ variant_id: string }>(tx, cartId, { statement: changed, now: given.now })
  const [row] = rows
  if (!row) throw new Refusal('not_found', { detail: 'There is no such line in this cart.' })
  assertInStock(cart, new Map([[row.variant_id, '/quantity']]))
  await reserveLines(tx, cart, [row.variant_id], given.now)
  return cart
}

/** Takes a line out of the cart. */
export async function removeLine(tx: Tx, cartId: string, given: { lineId: string; now: Date }): Promise<Cart> {
  const removed = tx.sql`
    delete from cart_line where merchant_id = ${tx.merchantId} and cart_id = ${cartId} and id = ${given.lineId} returning variant_id`
  const { cart, rows } = await changeCart<{ variant_id: string }>(tx, cartId, { statement: removed, now: given.now })
  const [row] = rows
  if (!row) throw new Refusal('not_found', { detail: 'There is no such line in this cart.' })
  await reserveLines(tx, cart, [row.variant_id], given.now)
  return cart
}

/** Changes who buys, and where it goes. */
export async function updateCart(tx: Tx, cartId: string, given: { details: CartDetails; now: Date }): Promise<Cart> {
  const { email, customerId, shippingAddress, billingAddress, shippingOption, vatId } = checked(given.details)
  const updated = tx.sql`
    update cart c set
      customer_id = case when ${customerId !== undefined} then u.id else c.customer_id end,
      email = coalesce(case when ${email !== undefined} then ${email ?? null} else c.email end, u.email),
      shipping_address = case when ${shippingAddress !== undefined} then ${jsonOrNull(shippingAddress)}::jsonb else c.shipping_address end,
      billing_address = case when ${billingAddress !== undefined} then ${jsonOrNull(billingAddress)}::jsonb else c.billing_address end,
      shipping_option = case when ${shippingOption !== undefined} then ${shippingOption ?? null} else c.shipping_option end,
      vat_id = case when ${vatId !== undefined} then ${vatId ?? null} else c.vat_id end
    from merchant_settings s left join customer u on u.merchant_id = ${tx.merchantId} and u.id = ${customerId ?? null}::uuid
    where s.merchant_id = ${tx.merchantId} and c.merchant_id = ${tx.merchantId} and c.id = ${cartId}`
  const { cart } = await changeCart(tx, cartId, { statement: updated, now: given.now, onDraft: true })
  assertTaken(cart, given.details)
  return cart
}

async function changeLines(tx: Tx, cartId: string, lines: NewLine[], now: Date, opening?: Query, onDraft = false): Promise<Cart> {
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
  const { cart, rows } = await changeCart<{ variant_id: string; quantity: bigint }>(tx, cartId, { statement: added, opening, now, onDraft })
  assertFound(rows, pointers)
  for (const row of rows) assertQuantity(row.quantity, pointers.get(row.variant_id)!)
  if (cart.lines.length > CART_LINES_MAX) throw tooManyLines()
  assertInStock(cart, pointers)
  await reserveLines(
    tx,
    cart,
    rows.map((row) => row.variant_id),
    now,
  )
  return cart
}

/**
 * Runs a statement on a cart that is held and open, and reads the cart back: all in one flight. The cart's row is locked
 * first, so that two changes of one cart take turns. Of a draft buyers change only where it goes: `onDraft`.
 */
export async function changeCart<Row>(
  tx: Tx,
  cartId: string,
  { statement, opening, now, onDraft = false }: { statement: Query; opening?: Query | undefined; now: Date; onDraft?: boolean },
): Promise<{ cart: Cart; rows: Row[] }> {
  const held =
    opening ?? tx.sql`update cart set version = version + 1, updated_at = now() where merchant_id = ${tx.merchantId} and id = ${cartId}`
  const question = cartQuestion(tx, cartId)
  const [, rows, ...read] = await Promise.all([held, statement, ...question.queries])
  const cart = await toCart(tx, question, read, now)
  if (cart.status !== 'open')
    throw new Refusal('invalid_state', { detail: 'This cart has become an order.', extra: { current_state: cart.status } })
  if (cart.draftedBy !== null && !onDraft)
    throw new Refusal('invalid_state', {
      detail: 'The shop has made this cart: its lines are not yours to change.',
      extra: { current_state: 'draft' },
    })
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

/** The details in the form they are kept in. Refuses a VAT id whose form or check digits are wrong. */
function checked(details: CartDetails): CartDetails {
  const { email, vatId } = details
  if (vatId && !readVatId(vatId)?.valid) {
    const detail = 'The VAT id is not in the form of its country, or its check digits are wrong.'
    throw new Refusal('vat_id_invalid', { detail, errors: [{ pointer: '/vat_id', code: 'vat_id_invalid', detail }] })
  }
  return { ...details, email: email && normalizeEmail(email) }
}

/** Refuses a customer who is no longer there, and a way of sending that nobody offers. */
function assertTaken(cart: Cart, { customerId, shippingOption }: CartDetails): void {
  if (customerId && cart.customerId !== customerId) throw invalidCustomerToken('invalid')
  if (!shippingOption || OF_A_PLUGIN.test(shippingOption)) return
  if (cart.pricing.rules.document.shipping.methods.some((method) => method.code === shippingOption)) return
  const detail = 'There is no such shipping option.'
  throw new Refusal('shipping_option_unavailable', { detail, errors: [{ pointer: '/shipping_option', code: 'not_found', detail }] })
}

function tooManyLines(): Refusal {
  return new Refusal('too_many_lines', { detail: `A cart holds at most ${CART_LINES_MAX} lines.` })
}

function jsonOrNull(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value)
}
