import type { Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import { couponKey } from '../promotions/coupon-code.ts'
import { customerKey } from '../promotions/customer-key.ts'
import { Refusal } from '../refusal.ts'
import { asksPlugins, pluginAnswers, type Shop } from './ask-plugins.ts'
import { type BuyerRow, buyerColumns, buyerJoin } from './buyer.ts'
import { type GoodsRow, goodsColumns } from './goods.ts'
import { makePricingInput, type QuoteSources } from './make-input.ts'
import { loadNeeded } from './needs.ts'
import { priceQuote, type Quote } from './price-quote.ts'
import { type MerchantPricing, pricingInForce } from './pricing-in-force.ts'

/** A cart that nobody has: what staff ask about. What is left out is not known of the buyer. */
export interface Hypothesis extends Pick<QuoteSources, 'channel' | 'shippingAddress' | 'billingAddress' | 'shippingMethod' | 'vatId'> {
  lines: readonly { variantId: string; quantity: bigint }[]
  customerId: string | null
  email: string | null
  /** As buyers write them. */
  couponCodes: readonly string[]
  /** The moment it is priced as of. */
  at: Date
}

export interface HypotheticalQuote extends Quote {
  currency: string
  pricing: MerchantPricing
}

interface ShopRow extends BuyerRow {
  currency: string
  vat_ids: 'checked' | 'well_formed'
}

/**
 * Prices a cart that is not saved, as a buyer would see it, plugins and all, with the trace of every promotion. Refuses
 * `not_found` for variants and customers that are not there.
 */
export async function quoteHypothesis(shop: Shop, hypothesis: Hypothesis): Promise<HypotheticalQuote> {
  const draft = await shop.inMerchant.read((tx) => readHypothesis(tx, hypothesis))
  if (!asksPlugins(shop, draft)) return draft
  const plugins = await pluginAnswers(shop, draft, 'cart')
  const shipping = hypothesis.shippingMethod === null ? null : { method: hypothesis.shippingMethod }
  return { ...draft, ...priceQuote({ ...draft.pricingInput, shipping, plugins }, draft.pricing.rules, 'full') }
}

async function readHypothesis(tx: Tx, hypothesis: Hypothesis): Promise<HypotheticalQuote> {
  const { customerId, email, at } = hypothesis
  const couponCodes = hypothesis.couponCodes.map((code) => couponKey(code) ?? code)
  const pricing = await pricingInForce(tx)
  const [[row], goods, needed] = await Promise.all([
    tx.sql<ShopRow[]>`
      select s.currency, s.vat_ids, ${buyerColumns(tx, { history: true })}
      from (select ${customerId}::uuid as customer_id, ${email}::text as email) c
        join merchant_settings s on s.merchant_id = ${tx.merchantId} ${buyerJoin(tx)}`,
    goodsOf(tx, hypothesis),
    loadNeeded(tx, pricing, { codes: couponCodes, customerKey: customerKey({ customerId, email }) }),
  ])
  if (!row || (customerId !== null && row.customer_id === null)) {
    throw new Refusal('not_found', { detail: 'There is no such customer.', errors: [{ pointer: '/customer_id', code: 'not_found' }] })
  }
  const lines = hypothesis.lines.map(({ variantId, quantity }, index) => {
    return { id: lineId(index), quantity, goods: goods.get(variantId)! }
  })
  const sources = { ...hypothesis, couponCodes, now: at, cartId: newId(at), currency: row.currency, vatIdsAccepted: row.vat_ids }
  const input = makePricingInput({ ...sources, ...needed, lines, buyer: row }, pricing)
  return { currency: row.currency, pricing, ...priceQuote(input, pricing.rules, 'full') }
}

/** What a hypothetical line is called: its place, written so that names sort as the lines do. */
function lineId(index: number): string {
  return `line-${String(index + 1).padStart(4, '0')}`
}

async function goodsOf(tx: Tx, { lines }: Hypothesis): Promise<Map<string, GoodsRow>> {
  const wanted = [...new Set(lines.map((line) => line.variantId))]
  const rows = await tx.sql<GoodsRow[]>`
    select ${goodsColumns(tx)}
    from variant v join product p on p.merchant_id = ${tx.merchantId} and p.id = v.product_id
    where v.merchant_id = ${tx.merchantId} and v.id = any(${wanted}::uuid[])`
  const goods = new Map(rows.map((row) => [row.variant_id, row]))
  const errors = lines.flatMap(({ variantId }, index) => (goods.has(variantId) ? [] : [{ pointer: `/lines/${index}`, code: 'not_found' }]))
  if (errors.length > 0) throw new Refusal('not_found', { detail: 'There is no such variant.', errors })
  return goods
}
