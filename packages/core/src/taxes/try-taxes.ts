import type { Tx } from '@souk/tenant-router/tx.ts'
import { getCustomer } from '../customers/customer.ts'
import { allocate, divide, type RoundingMode } from '../money.ts'
import { taxTableQuery, toTaxTable } from './load-taxes.ts'
import { type ResolvedTaxes, resolveTaxes, type TaxDestination, type TaxQuestion, type TaxRate } from './resolve-taxes.ts'
import { PPM_WHOLE } from './tax-table.ts'
import { readVatId, type VatId } from './vat-id.ts'

/** A sale as staff imagine it. Amounts without tax, in minor units of the shop's currency. */
export interface TaxTrial {
  asOf: Date
  destination: TaxDestination | null
  lines: readonly { id: string; amount: bigint; category: string | null; taxable: boolean }[]
  shipping: { amount: bigint; category: string | null } | null
  /** A customer of the shop, or what somebody would be like; null: nobody in particular. */
  customer: { id: string } | { groups: readonly string[]; taxExempt: boolean; vatId: string | null } | null
}

/** A rate with what it comes to, rounded as the shop rounds. */
export interface ChargedTax {
  rate: TaxRate
  tax: bigint
}

export interface TaxedTrial {
  currency: string
  resolved: ResolvedTaxes
  lines: { id: string; amount: bigint; charged: ChargedTax[] }[]
  /** With shipping that is split over the lines, the rates of all lines. */
  shipping: { amount: bigint; charged: ChargedTax[] } | null
  /** The customer's VAT id as it was read, if there is one that can be. */
  vatId: VatId | null
}

interface ShopRow {
  country: string
  currency: string
  taxRatePpm: bigint
  timeZone: string
  rounding: RoundingMode
  vatIds: 'checked' | 'well_formed'
}

/** What tax the shop would charge, and why. Writes nothing. Refuses `not_found` for a customer who is not there. */
export async function tryTaxes(tx: Tx, trial: TaxTrial): Promise<TaxedTrial> {
  const [shopRows, tableRows] = await Promise.all([
    tx.sql<ShopRow[]>`
      select country, currency, tax_rate_ppm as "taxRatePpm", time_zone as "timeZone", rounding, vat_ids as "vatIds"
      from merchant_settings where merchant_id = ${tx.merchantId}`,
    taxTableQuery(tx),
  ])
  const shop = shopRows[0]!
  const { customer, vatId } = await customerOf(tx, trial.customer, shop)
  const resolved = resolveTaxes(toTaxTable(tableRows, shop), {
    asOf: trial.asOf.toISOString(),
    destination: trial.destination,
    lines: trial.lines,
    customer,
    shippingCategory: trial.shipping?.category ?? null,
  })
  const lines = trial.lines.map(({ id, amount }) => ({ id, amount, charged: charge(amount, resolved.lines[id]!, shop.rounding) }))
  return { currency: shop.currency, resolved, lines, shipping: taxShipping(trial, resolved, shop.rounding), vatId }
}

async function customerOf(
  tx: Tx,
  given: TaxTrial['customer'],
  shop: ShopRow,
): Promise<{ customer: TaxQuestion['customer']; vatId: VatId | null }> {
  if (given === null) return { customer: null, vatId: null }
  if (!('id' in given)) {
    const vatId = (given.vatId !== null && readVatId(given.vatId)) || null
    return { customer: { groups: given.groups, taxExempt: given.taxExempt, vatId }, vatId }
  }
  const found = await getCustomer(tx, given.id)
  const read = (found.vatId !== null && readVatId(found.vatId)) || null
  const vatId = read && { ...read, valid: read.valid && (shop.vatIds === 'well_formed' || found.vatIdValid) }
  return { customer: { id: found.id, groups: found.groups.map(({ handle }) => handle), taxExempt: found.taxExempt, vatId }, vatId }
}

function taxShipping({ lines, shipping }: TaxTrial, resolved: ResolvedTaxes, rounding: RoundingMode): TaxedTrial['shipping'] {
  if (!shipping) return null
  const { amount } = shipping
  if (resolved.shipping !== 'by_lines') return { amount, charged: charge(amount, resolved.shipping, rounding) }
  const shares =
    lines.length === 0
      ? []
      : allocate(
          amount,
          lines.map((line) => line.amount),
        )
  return { amount, charged: lines.flatMap(({ id }, index) => charge(shares[index]!, resolved.lines[id]!, rounding)) }
}

/** In charging order: a compound rate on the amount with the taxes before it. */
function charge(amount: bigint, rates: readonly TaxRate[], rounding: RoundingMode): ChargedTax[] {
  let taxes = 0n
  return rates.map((rate) => {
    const tax = divide((rate.compound ? amount + taxes : amount) * rate.ratePpm, BigInt(PPM_WHOLE), rounding)
    taxes += tax
    return { rate, tax }
  })
}
