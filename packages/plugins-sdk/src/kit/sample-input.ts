import type { ContractId } from '../contracts/contract.ts'
import { hookOf } from '../contracts/contract.ts'
import { PluginFault } from './bundle.ts'

const SURROUNDINGS = { as_of: '2027-03-01T10:00:00Z', currency: 'EUR', currency_digits: 2, channel: 'web' }
const LINE = {
  product_id: 'product_1',
  quantity: 1,
  unit_price: 1_000,
  tags: [],
  collections: [],
  vendor: 'A vendor',
  product_type: 'A type',
  grams: 500,
}
const ADDRESS = { company: null, line2: null, region: null, email: null, phone: null }

/** What a member of `lines` may say; the rest is filled in, the subtotal computed. */
export type SampleLine = Record<string, unknown> & { quantity?: number; unit_price?: number }

/**
 * A whole valid input for a test: give what matters, the rest is filled in. Lines too may be given in part:
 * `sampleInput('discount@1', 'run', { lines: [{ quantity: 12 }], customer: { groups: ['trade'], orders_count: 0, total_spent: 0 } })`.
 */
export function sampleInput(
  contract: ContractId,
  hook: string,
  given: Record<string, unknown> & { lines?: SampleLine[] } = {},
): Record<string, unknown> {
  const schema = hookOf(contract, hook)
  if (schema === undefined) throw new PluginFault(`${contract} has no hook ${hook}.`)
  if (schema.kind !== 'pure') return shipmentSample(given)
  const lines = (given.lines ?? [{}]).map((line, index) => sampleLine(contract, line, index))
  const sum = (member: 'amount' | 'subtotal') => lines.reduce((total, line) => total + Number((line as SampleLine)[member]), 0)
  const whole = {
    ...SURROUNDINGS,
    ...(contract === 'tax@1' && { prices_include_tax: true, seller_country: 'DE', shipping: null, customer: null, destination: null }),
    ...(contract === 'fulfillment@1' && {
      subtotal: sum('amount'),
      grams: lines.reduce((total, line) => total + line.grams * line.quantity, 0),
      destination: null,
    }),
    ...(contract.startsWith('discount@') && { subtotal: sum('subtotal'), customer: null, destination: null, codes: [] }),
    ...(contract === 'discount@2' && { shipping: null }),
    ...given,
    lines,
  }
  return whole
}

function sampleLine(contract: ContractId, given: SampleLine, index: number) {
  const line = { id: `line_${index + 1}`, sku: `SKU-${index + 1}`, variant_id: `variant_${index + 1}`, ...LINE, ...given }
  const subtotal = line.unit_price * line.quantity
  const own = {
    'discount@1': { compare_at_price: null, discount: 0 },
    'discount@2': { compare_at_price: null, adjustments: [] },
    'tax@1': { amount: subtotal, taxable: true, tax_category: null },
    'fulfillment@1': { amount: subtotal, requires_shipping: true },
  }[contract]
  return { subtotal, ...own, ...line }
}

function shipmentSample(given: Record<string, unknown>): Record<string, unknown> {
  const { shipment, ...rest } = given as { shipment?: Record<string, unknown> }
  return {
    as_of: SURROUNDINGS.as_of,
    ...rest,
    shipment: {
      id: 'shipment_1',
      order_number: '1001',
      method: 'standard',
      pickup_point_id: null,
      currency: SURROUNDINGS.currency,
      declared_value: 2_000,
      recipient: { ...ADDRESS, name: 'Ada Example', line1: 'Example Street 1', postcode: '10115', city: 'Berlin', country: 'DE' },
      sender: { ...ADDRESS, name: 'The shop', line1: 'Harbour 2', postcode: '20457', city: 'Hamburg', country: 'DE' },
      parcels: [{ id: 'parcel_1', grams: 1_000 }],
      items: [{ sku: 'SKU-1', title: 'A thing', quantity: 2, grams: 500, unit_price: 1_000 }],
      carrier_reference: null,
      tracking_number: null,
      ...shipment,
    },
  }
}
