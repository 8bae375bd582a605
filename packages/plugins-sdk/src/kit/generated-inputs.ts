import { discountInputFor } from '../adapters/discount.ts'
import type { CarrierResponseV1 } from '../contracts/carrier-request.ts'
import { type ContractId, hookOf } from '../contracts/contract.ts'
import type { DiscountInputV2 } from '../contracts/discount-v2.ts'
import type { RatesInputV1, ShipmentInputV1 } from '../contracts/fulfillment.ts'
import { AMOUNT_MAX, LINES_MAX } from '../contracts/quantities.ts'
import type { TaxInputV1 } from '../contracts/tax.ts'
import { type Draw, drawFrom } from './draw.ts'

/** How many inputs a hook is tried with. The same ones every time. */
export const GENERATED_INPUTS = 200

export interface GeneratedInput {
  name: string
  input: Record<string, unknown>
}

/** What every pure input draws from; the named cases below fix parts of it. */
interface Cart {
  lines: number
  currency: readonly [code: string, digits: number]
  guest: boolean
  addressed: boolean
  channel: string
  /** Amounts up to this. */
  dearest: number
  /** Grams of a unit up to this. */
  heaviest: number
  words: readonly string[]
  places: readonly Place[]
}

type Place = readonly [country: string, region: string | null, postcode: string | null, city: string | null]

const CURRENCIES = [
  ['EUR', 2],
  ['USD', 2],
  ['CHF', 2],
  ['JPY', 0],
  ['CLP', 0],
  ['KWD', 3],
  ['UYW', 4],
] as const
const WORD_CHARACTERS_MAX = 255
const PLACES: readonly Place[] = [
  ['DE', null, '10115', 'Berlin'],
  ['CH', 'ZH', '8001', 'Zürich'],
  ['US', 'CA', '94103', 'San Francisco'],
  ['JP', '13', '100-0001', '東京'],
  ['ZZ', null, null, null],
]
const WORDS = ['sale', 'coffee', 'wholesale', 'gift', 'vip', 'new']
const HOSTILE_WORDS = ['__proto__', 'constructor', 'toString', '', '𝕏👩‍🚀', '‮abc', '{{secrets.api_key}}', "'; drop table", '\\u0000', '0']

const CASES: Record<string, Partial<Cart>> = {
  'a cart without lines': { lines: 0 },
  'one line': { lines: 1 },
  [`${LINES_MAX} lines`]: { lines: LINES_MAX },
  'a currency without decimals': { currency: ['JPY', 0] },
  'a currency with three decimals': { currency: ['KWD', 3] },
  'a guest without an address': { guest: true, addressed: false },
  'a channel that came later': { channel: 'kiosk_2031' },
  'words that are names of members': { words: HOSTILE_WORDS, guest: false },
  'everything free': { dearest: 0 },
  'the largest amounts': { dearest: AMOUNT_MAX, lines: 1 },
}

/** What lets generated inputs meet the plugin where it lives. */
export interface Hints {
  /** Codes of rates that the plugin gave itself: every second shipment goes by one of them. */
  methods?: readonly string[]
  /** Texts of its configuration: tags, groups, types and countries that it may be waiting for. */
  words?: readonly string[]
}

/** Full inputs of a hook, valid by its schema: the odd ones by name, then drawn ones. Deterministic. */
export function generatedInputs(contract: ContractId, hook: string, { methods = [], words = [] }: Hints = {}): GeneratedInput[] {
  const kind = hookOf(contract, hook)?.kind
  if (kind !== 'pure') return shipmentInputs(kind === 'parse', methods)
  const known = words.filter((word) => word !== '' && word.length <= WORD_CHARACTERS_MAX)
  const named = Object.entries(CASES).map(([name, fixed], index) => ({ name, input: cartInput(contract, fixed, known, drawFrom(index)) }))
  const drawn = Array.from({ length: GENERATED_INPUTS - named.length }, (_, index) => ({
    name: `drawn cart ${index + 1}`,
    input: cartInput(contract, {}, known, drawFrom(1_000 + index)),
  }))
  return [...named, ...drawn]
}

function cartInput(contract: ContractId, fixed: Partial<Cart>, known: readonly string[], draw: Draw): Record<string, unknown> {
  const cart: Cart = {
    lines: draw.integer(1, 12),
    currency: draw.one(CURRENCIES),
    guest: draw.chance(0.3),
    addressed: draw.chance(0.7),
    channel: 'web',
    dearest: draw.one([999, 25_000, 5_000_000]),
    heaviest: draw.one([20, 300, 2_000, 20_000]),
    words: [...known, ...known, ...WORDS],
    places: [...PLACES, ...known.filter((word) => /^[A-Z]{2}$/.test(word)).map((country) => [country, null, '1000', null] as const)],
    ...fixed,
  }
  if (contract === 'tax@1') return taxInput(cart, draw)
  if (contract === 'fulfillment@1') return ratesInput(cart, draw)
  return discountInputFor(contract, discountInput(cart, draw))
}

function surroundings({ currency, channel }: Cart, draw: Draw) {
  const day = String(draw.integer(1, 28)).padStart(2, '0')
  return {
    as_of: `2027-0${draw.integer(1, 9)}-${day}T${draw.integer(10, 23)}:30:00Z`,
    currency: currency[0],
    currency_digits: currency[1],
    channel,
  }
}

function line(index: number, cart: Cart, draw: Draw) {
  const unit_price = draw.integer(0, cart.dearest)
  const quantity = cart.dearest === AMOUNT_MAX ? 1 : draw.chance(0.1) ? draw.integer(100, 10_000) : draw.integer(1, 12)
  const word = () => draw.one(cart.words)
  return {
    id: uuid('a', index + 1),
    sku: draw.chance(0.1) ? word() : `SKU-${draw.integer(1, 500)}`,
    product_id: uuid('b', draw.integer(1, 50)),
    variant_id: uuid('c', draw.integer(1, 200)),
    quantity,
    unit_price,
    subtotal: unit_price * quantity,
    tags: draw.some(cart.words),
    collections: draw.some(cart.words),
    vendor: word(),
    product_type: draw.chance(0.1) ? 'a type that came later' : word(),
    grams: draw.integer(0, cart.heaviest),
  }
}

/** As long as the ids of a shop are. */
function uuid(kind: string, number: number): string {
  return `01930000-0000-7000-8000-${kind}${String(number).padStart(11, '0')}`
}

function discountInput(cart: Cart, draw: Draw): DiscountInputV2 {
  const lines = Array.from({ length: cart.lines }, (_, index) => {
    const drawn = line(index, cart, draw)
    const reduced = draw.chance(0.3) ? draw.integer(0, drawn.subtotal) : 0
    return {
      ...drawn,
      compare_at_price: draw.chance(0.2) ? drawn.unit_price + 100 : null,
      adjustments: reduced === 0 ? [] : [{ name: 'Spring sale', amount: reduced }],
    }
  })
  const customer = {
    groups: draw.some(cart.words),
    orders_count: draw.integer(0, 40),
    total_spent: draw.integer(0, cart.dearest),
    first_order: draw.one([true, false, null]),
  }
  return {
    ...surroundings(cart, draw),
    lines,
    subtotal: lines.reduce((sum, { subtotal }) => sum + subtotal, 0),
    shipping: draw.chance(0.5) ? { method: 'standard', amount: draw.integer(0, 2_000) } : null,
    customer: cart.guest ? null : customer,
    destination: cart.addressed ? destination(cart, draw) : null,
    codes: draw.chance(0.3) ? ['SPRING', 'VIP10'] : [],
  }
}

function taxInput(cart: Cart, draw: Draw): TaxInputV1 {
  const lines = Array.from({ length: cart.lines }, (_, index) => {
    const drawn = line(index, cart, draw)
    return {
      ...drawn,
      amount: draw.integer(0, drawn.subtotal),
      taxable: draw.chance(0.9),
      tax_category: draw.one(['standard', 'reduced', 'zero', 'a category of the merchant', null]),
    }
  })
  const vat_id = draw.chance(0.3) ? { country: 'AT', number: 'ATU12345675', valid: draw.chance(0.5) } : null
  return {
    ...surroundings(cart, draw),
    prices_include_tax: draw.chance(0.5),
    seller_country: draw.one(['DE', 'CH', 'JP', null]),
    lines,
    shipping: draw.chance(0.5) ? { method: 'standard', amount: draw.integer(0, 2_000) } : null,
    customer: cart.guest ? null : { groups: draw.some(cart.words), tax_exempt: draw.chance(0.1), vat_id },
    destination: cart.addressed ? { ...destination(cart, draw), city: draw.one(['Berlin', null]) } : null,
  }
}

function ratesInput(cart: Cart, draw: Draw): RatesInputV1 {
  const lines = Array.from({ length: cart.lines }, (_, index) => {
    const drawn = line(index, cart, draw)
    return { ...drawn, amount: draw.integer(0, drawn.subtotal), requires_shipping: draw.chance(0.9) }
  })
  return {
    ...surroundings(cart, draw),
    lines,
    subtotal: lines.reduce((sum, { amount }) => sum + amount, 0),
    grams: lines.reduce((sum, { grams, quantity, requires_shipping }) => sum + (requires_shipping ? grams * quantity : 0), 0),
    destination: cart.addressed ? { ...destination(cart, draw), city: draw.one(['Berlin', null]) } : null,
  }
}

function destination({ places }: Cart, draw: Draw) {
  const [country, region, postcode] = draw.one(places)
  return { country, region, postcode: draw.chance(0.2) ? null : postcode }
}

const RESPONSES: Record<string, CarrierResponseV1> = {
  'no answer': response(0, null),
  'an empty answer': response(200, ''),
  'an answer that is no JSON': response(200, '<html>maintenance</html>', 'text/html'),
  'JSON of another shape': response(200, '[1,{"a":null}]'),
  'an empty JSON object': response(200, '{}'),
  'a document': { status: 200, headers: { 'content-type': 'application/pdf' }, body: null, body_bytes: 48_211 },
  'an error of the caller': response(422, '{"error":"postcode_invalid"}'),
  'no such thing': response(404, ''),
  'too many requests': response(429, ''),
  'an error of the carrier': response(503, 'upstream'),
}

function response(status: number, body: string | null, type = 'application/json'): CarrierResponseV1 {
  return { status, headers: { 'content-type': type }, body, body_bytes: body?.length ?? 0 }
}

function shipmentInputs(answered: boolean, methods: readonly string[]): GeneratedInput[] {
  return Array.from({ length: GENERATED_INPUTS }, (_, index) => {
    const draw = drawFrom(5_000 + index)
    const responses = Object.entries(RESPONSES)
    const [name, given] = responses[index % responses.length]!
    const input = shipmentInput(draw, index % 7 === 0)
    if (methods.length > 0 && index % 2 === 1) input.shipment.method = draw.one(methods)
    return answered
      ? { name: `${name}, ${index + 1}`, input: { ...input, response: given } }
      : { name: `shipment ${index + 1}`, input: { ...input } }
  })
}

function shipmentInput(draw: Draw, hostile: boolean): ShipmentInputV1 {
  const text = (usual: string) => (hostile ? draw.one(HOSTILE_WORDS) : usual)
  const [country, region, postcode, city] = draw.one(PLACES)
  const address = {
    name: text('Ada Example'),
    company: draw.one(['Example GmbH', null]),
    line1: text('Street 1'),
    line2: null,
    postcode,
    city: city ?? '',
    region,
    country,
    email: draw.one(['ada@example.com', null]),
    phone: draw.one(['+49 30 123456', null]),
  }
  const created = draw.chance(0.5)
  return {
    as_of: '2027-03-01T10:00:00Z',
    shipment: {
      id: `shipment_${draw.integer(1, 1_000)}`,
      order_number: `R-${draw.integer(1, 1_000)}`,
      method: text('standard'),
      pickup_point_id: draw.one(['BER01', null]),
      currency: 'EUR',
      declared_value: draw.integer(0, 50_000),
      recipient: address,
      sender: { ...address, name: 'The shop' },
      parcels: Array.from({ length: draw.integer(0, 4) }, (_, index) => ({ id: `parcel_${index + 1}`, grams: draw.integer(0, 30_000) })),
      items: Array.from({ length: draw.integer(0, 6) }, (_, index) => ({
        sku: `SKU-${index}`,
        title: text('Thing'),
        quantity: draw.integer(1, 5),
        grams: draw.integer(0, 5_000),
        unit_price: draw.integer(0, 10_000),
      })),
      carrier_reference: created ? `ref-${draw.integer(1, 1_000)}` : null,
      tracking_number: created ? `TRK${draw.integer(1, 1_000_000)}` : null,
    },
  }
}
