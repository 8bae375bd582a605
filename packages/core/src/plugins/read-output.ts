import type { DiscountOperation } from '@souk/plugins-sdk/adapters/discount-amounts.ts'
import type { DeliveryRate } from '@souk/plugins-sdk/adapters/fulfillment.ts'
import type { TaxDue, Taxes } from '@souk/plugins-sdk/adapters/tax.ts'
import type { PluginDiscounts, PluginRates, PluginTaxes } from '../pricing/pricing-input.ts'

// What providers answered, in the words of a pricing input: amounts become bigint. The port has checked form and sense.

export function operationsFrom(operations: readonly DiscountOperation[]): PluginDiscounts['operations'] {
  return operations.map((operation) => ({ ...operation, amount: BigInt(operation.amount) }))
}

export function taxesFrom({ lines, shipping, note }: Taxes): Pick<PluginTaxes, 'lines' | 'shipping' | 'note'> {
  const due = Object.fromEntries(Object.entries(lines).map(([lineId, taxes]) => [lineId, taxes.map(dueFrom)]))
  return { lines: due, shipping: shipping?.map(dueFrom) ?? null, note }
}

export function ratesFrom(rates: readonly DeliveryRate[]): PluginRates['rates'] {
  return rates.map((rate) => ({ ...rate, amount: BigInt(rate.amount) }))
}

function dueFrom(due: TaxDue): PluginTaxes['lines'][string][number] {
  return 'ratePpm' in due ? { name: due.name, ratePpm: BigInt(due.ratePpm) } : { name: due.name, amount: BigInt(due.amount) }
}
