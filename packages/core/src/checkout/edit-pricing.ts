import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Address } from '../cart/address.ts'
import { CART_LINE_QUANTITY_MAX, CART_LINES_MAX } from '../cart/limits.ts'
import { newId } from '../ids.ts'
import { AMOUNT_MAX } from '../money.ts'
import type { InstalledPlugin } from '../plugins/installs-in-force.ts'
import type { CompiledPricing } from '../pricing/compile-pricing.ts'
import { priceCart } from '../pricing/price-cart.ts'
import type { PricedCart } from '../pricing/priced-cart.ts'
import type { PricingInput, PricingLine } from '../pricing/pricing-input.ts'
import { readPricingInput } from '../pricing/pricing-input.ts'
import { contentHash } from '../pricing/stored-form.ts'
import { type GoodsRow, goodsColumns, toGoods } from '../quote/goods.ts'
import { STAFF_DISCOUNT } from '../quote/make-input.ts'
import { pricingInForce } from '../quote/pricing-in-force.ts'
import { pricingOfVersion } from '../quote/pricing-versions.ts'
import { type FieldProblem, Refusal } from '../refusal.ts'
import { requireProse } from '../text.ts'
import { grantedOf } from './granted.ts'

/** What staff change of an order; what is absent stays. Amounts in minor units of the order's currency. */
export interface OrderEdit {
  /** New quantities of lines that are there; 0 takes a line out. */
  quantities: readonly { lineId: string; quantity: bigint }[]
  /** `lineId`: what its line is called in the pricing, where that is known already. */
  added: readonly { variantId: string; quantity: bigint; lineId?: string }[]
  /** Off the whole order, instead of what staff took off before; null takes that back. */
  discount?: { amount: bigint; reason: string } | null | undefined
  shippingAddress?: Address | undefined
  /** Let the promotions it was placed under have their say anew; otherwise what they gave stays with the goods. */
  recountsPromotions?: boolean | undefined
}

/** A variant that an edit adds, with what a line of an order says of it. */
export interface AddedGoods extends GoodsRow {
  product_title: string
  variant_title: string
}

export interface Repriced {
  input: PricingInput
  priced: PricedCart
  /** By the line's id in the pricing. */
  added: ReadonlyMap<string, AddedGoods>
  /** What promotions may give away, by variant. */
  gifts: ReadonlyMap<string, AddedGoods>
  rules: CompiledPricing
}

/** What a plugin that reckons taxes is to be asked, with no transaction open, before an order can be priced. */
export interface TaxQuestion {
  /** A digest of what is asked: the answer holds for nothing else. */
  of: string
  untaxed: PricingInput
  rules: CompiledPricing
  installs: readonly InstalledPlugin[]
}

export interface TaxAnswer extends Pick<PricingInput['plugins'], 'taxes' | 'notes'> {
  of: string
}

interface StoredOrder {
  pricing_input: unknown
  pricing_result: unknown
  pricing_version: string | null
  lines: readonly { id: string; pricingLineId: string | null; kind: 'item' | 'gift' }[]
}

export const STAFF_DISCOUNT_REASON_BYTES_MAX = 200

/**
 * Prices an order as it would be after an edit: with the taxes and prices it was placed under; only goods that are added come at the
 * price of now. What promotions and plugins took off stays with the goods, or promotions are counted anew. Taxes that a
 * plugin reckoned are asked again: without an answer to what is to be asked, the question is answered. Refuses what is wrong with
 * the edit by its field.
 */
export async function repriceOrder(
  tx: Tx,
  stored: StoredOrder,
  edit: OrderEdit,
  { now, taxed }: { now: Date; taxed?: TaxAnswer | undefined },
): Promise<Repriced | TaxQuestion> {
  const rules = await rulesOf(tx, stored)
  const before = readPricingInput(stored.pricing_input)
  const added = await goodsOf(tx, edit.added, now)
  const newLines = [...added].map(([id, { goods, quantity }]): PricingLine => ({ id, quantity, ...toGoods(goods) }))
  const untaxed: PricingInput = {
    ...before,
    lines: [...changedLines(before, stored, edit), ...newLines],
    manual: manualDiscounts(before, edit),
    ...(edit.shippingAddress && { shippingAddress: toPlace(edit.shippingAddress) }),
    granted: grantedOf(before, stored.pricing_result, edit.recountsPromotions ?? false),
    plugins: { ...before.plugins, discounts: [], taxes: null },
  }
  assertLines(untaxed)
  const of = contentHash(untaxed)
  if (before.plugins.taxes && taxed?.of !== of) return { of, untaxed, rules, installs: (await pricingInForce(tx)).installs }
  const input = taxed ? withTaxes(untaxed, taxed) : untaxed
  const priced = priceCart(input, rules)
  if (input.lines.some((line) => line.requiresShipping) && !priced.shipping)
    throw new Refusal('shipping_option_unavailable', { detail: priced.shippingProblem ?? 'The order cannot be sent this way any more.' })
  assertDiscounted(priced, edit)
  const gifts = await readGoods(
    tx,
    before.gifts.map(({ variantId }) => variantId),
  )
  return { input, priced, added: new Map([...added].map(([id, { goods }]) => [id, goods])), gifts, rules }
}

function assertLines({ lines }: PricingInput): void {
  if (lines.length === 0) throw new Refusal('cart_empty', { detail: 'Nothing would be left of the order: cancel it instead.' })
  if (lines.length > CART_LINES_MAX) throw new Refusal('too_many_lines')
}

function withTaxes(untaxed: PricingInput, { taxes, notes }: TaxAnswer): PricingInput {
  return { ...untaxed, plugins: { ...untaxed.plugins, taxes, notes: [...untaxed.plugins.notes, ...notes] } }
}

async function rulesOf(tx: Tx, { pricing_version: version }: StoredOrder): Promise<CompiledPricing> {
  const rules = version === null ? undefined : await pricingOfVersion(tx, version)
  if (rules) return rules
  throw new Refusal('invalid_state', { detail: 'This order is from before prices were kept.', extra: { current_state: 'not_editable' } })
}

function changedLines(before: PricingInput, { lines }: StoredOrder, { quantities }: OrderEdit): PricingLine[] {
  const errors: FieldProblem[] = []
  const wanted = new Map<string, bigint>()
  for (const [index, { lineId, quantity }] of quantities.entries()) {
    const line = lines.find(({ id }) => id === lineId)
    if (!line || line.kind === 'gift') errors.push({ pointer: `/lines/${index}/line_id`, code: 'not_found' })
    else if (wanted.has(line.pricingLineId!)) errors.push({ pointer: `/lines/${index}/line_id`, code: 'duplicate' })
    else if (quantity < 0n || quantity > CART_LINE_QUANTITY_MAX)
      errors.push({ pointer: `/lines/${index}/quantity`, code: 'quantity_out_of_range' })
    else wanted.set(line.pricingLineId!, quantity)
  }
  if (errors.length > 0) throw new Refusal(errors[0]!.code as 'not_found', { detail: 'The edit does not fit the order.', errors })
  return before.lines.map((line) => ({ ...line, quantity: wanted.get(line.id) ?? line.quantity })).filter(({ quantity }) => quantity > 0n)
}

async function goodsOf(tx: Tx, added: OrderEdit['added'], now: Date): Promise<Map<string, { goods: AddedGoods; quantity: bigint }>> {
  if (added.length === 0) return new Map()
  const goods = await readGoods(
    tx,
    added.map(({ variantId }) => variantId),
  )
  const errors = added.flatMap(({ variantId, quantity }, index): FieldProblem[] => {
    if (!goods.has(variantId)) return [{ pointer: `/added/${index}/variant_id`, code: 'not_found' }]
    if (quantity <= 0n || quantity > CART_LINE_QUANTITY_MAX) return [{ pointer: `/added/${index}/quantity`, code: 'quantity_out_of_range' }]
    return []
  })
  if (errors.length > 0) throw new Refusal(errors[0]!.code as 'not_found', { detail: 'The goods cannot be added.', errors })
  return new Map(added.map(({ variantId, quantity, lineId = newId(now) }) => [lineId, { goods: goods.get(variantId)!, quantity }]))
}

async function readGoods(tx: Tx, variantIds: string[]): Promise<Map<string, AddedGoods>> {
  if (variantIds.length === 0) return new Map()
  const rows = await tx.sql<AddedGoods[]>`
    select ${goodsColumns(tx)}, p.title as product_title, v.title as variant_title
    from variant v join product p on p.merchant_id = ${tx.merchantId} and p.id = v.product_id
    where v.merchant_id = ${tx.merchantId} and v.id = any(${variantIds}::uuid[])`
  return new Map(rows.map((row) => [row.variant_id, row]))
}

function manualDiscounts({ manual }: PricingInput, { discount }: OrderEdit): PricingInput['manual'] {
  if (discount === undefined) return manual
  const others = manual.filter(({ code }) => code !== STAFF_DISCOUNT)
  if (discount === null) return others
  const { amount, reason } = discount
  if (amount <= 0n || amount > AMOUNT_MAX)
    throw new Refusal('amount_out_of_range', { errors: [{ pointer: '/discount/amount', code: 'amount_out_of_range' }] })
  return [
    ...others,
    { target: 'order', amount, reason: requireProse('/discount/reason', reason, STAFF_DISCOUNT_REASON_BYTES_MAX), code: STAFF_DISCOUNT },
  ]
}

/** What staff take off is taken off whole, or not at all. */
function assertDiscounted({ adjustments }: PricedCart, { discount }: OrderEdit): void {
  if (!discount) return
  const taken = adjustments.find(({ source, code }) => source === 'manual' && code === STAFF_DISCOUNT)?.amount ?? 0n
  if (-taken === discount.amount) return
  throw new Refusal('discount_exceeds_total', {
    detail: `Only ${-taken} can be taken off.`,
    errors: [{ pointer: '/discount/amount', code: 'discount_exceeds_total' }],
  })
}

function toPlace({ country, region, postcode, city }: Address): NonNullable<PricingInput['shippingAddress']> {
  return { country, region: region ?? null, postcode: postcode ?? null, city: city ?? null }
}
