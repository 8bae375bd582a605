import type { CartFactName, FactName, LineFactName } from './fact-values.ts'

export type RuleScope = 'cart' | 'line'

/**
 * How a fact compares. amount: integer minor units of the merchant's currency; decimal: a plain decimal with up to four
 * places, exact; time: an instant; date: a day of the merchant's calendar; set: texts without order; lines: the cart's lines.
 */
export type FactType = 'boolean' | 'integer' | 'amount' | 'decimal' | 'text' | 'time' | 'date' | 'set' | 'lines'

/** What the texts of a fact look like, so that a condition that can never hold is refused when it is saved. */
export type TextForm = 'uuid' | 'country' | 'currency' | 'domain' | 'code'

export interface Fact {
  scope: RuleScope
  type: FactType
  unit: string | null
  /** Whether it may be missing: then conditions on it fail, and `isSet` asks for it. */
  nullable: boolean
  /** How explanations call it: "the subtotal is at least …". */
  label: string
  description: string
  /** How explanations say that a boolean is false; `label` says that it is true. */
  otherwise?: string
  form?: TextForm
  /** The least and greatest value there is, in the fact's unit; none for amounts, whose bounds are those of money. */
  minimum?: number
  maximum?: number
  /** Whether a buyer raises it by putting more into the cart: a near miss is worth saying. */
  grows?: true
}

const cart = { scope: 'cart', nullable: false, unit: null } as const
const line = { scope: 'line', nullable: false, unit: null } as const
const MISSING_FOR_GUESTS = 'Missing for a buyer without an account.'

const CART_FACTS: Record<CartFactName, Fact> = {
  'cart.subtotal': {
    ...cart,
    type: 'amount',
    unit: 'minor units',
    grows: true,
    label: 'subtotal',
    description: 'All lines at list price, before discounts, shipping and added taxes.',
  },
  'cart.discounted_subtotal': {
    ...cart,
    type: 'amount',
    unit: 'minor units',
    grows: true,
    label: 'subtotal after discounts',
    description:
      'What is left of all lines after the promotions that come before this one: those of higher priority, and all on lines before those on the order.',
  },
  'cart.quantity': {
    ...cart,
    type: 'integer',
    unit: 'units',
    minimum: 0,
    grows: true,
    label: 'number of items',
    description: 'Units of all lines.',
  },
  'cart.line_count': {
    ...cart,
    type: 'integer',
    unit: 'lines',
    minimum: 0,
    grows: true,
    label: 'number of lines',
    description: 'Lines of the cart.',
  },
  'cart.weight': { ...cart, type: 'integer', unit: 'grams', minimum: 0, label: 'weight', description: 'Weight of all units.' },
  'cart.skus': { ...cart, type: 'set', label: 'SKUs in the cart', description: 'SKUs of the lines.' },
  'cart.product_ids': {
    ...cart,
    type: 'set',
    form: 'uuid',
    label: 'products in the cart',
    description: 'Ids of the products of the lines.',
  },
  'cart.variant_ids': {
    ...cart,
    type: 'set',
    form: 'uuid',
    label: 'variants in the cart',
    description: 'Ids of the variants of the lines.',
  },
  'cart.collections': {
    ...cart,
    type: 'set',
    label: 'collections in the cart',
    description: 'Handles of the collections that a product of the cart is in.',
  },
  'cart.tags': { ...cart, type: 'set', label: 'tags in the cart', description: 'Tags of the products of the lines.' },
  'cart.vendors': { ...cart, type: 'set', label: 'vendors in the cart', description: 'Vendors of the products of the lines.' },
  'cart.product_types': { ...cart, type: 'set', label: 'product types in the cart', description: 'Types of the products of the lines.' },
  'customer.known': {
    ...cart,
    type: 'boolean',
    label: 'the buyer has an account',
    otherwise: 'the buyer has no account',
    description: 'Whether the buyer has an account with this merchant.',
  },
  'customer.id': {
    ...cart,
    type: 'text',
    nullable: true,
    form: 'uuid',
    label: 'customer id',
    description: `Id of the customer. ${MISSING_FOR_GUESTS}`,
  },
  'customer.groups': {
    ...cart,
    type: 'set',
    label: "customer's groups",
    description: 'Codes of the groups that the customer is in. Empty for a buyer without an account.',
  },
  'customer.orders_count': {
    ...cart,
    type: 'integer',
    nullable: true,
    unit: 'orders',
    minimum: 0,
    label: 'number of earlier orders',
    description: `Orders placed before and not cancelled. ${MISSING_FOR_GUESTS}`,
  },
  'customer.total_spent': {
    ...cart,
    type: 'amount',
    nullable: true,
    unit: 'minor units',
    label: 'amount spent before',
    description: `Totals of the orders placed before and not cancelled. ${MISSING_FOR_GUESTS}`,
  },
  'customer.last_order_days': {
    ...cart,
    type: 'integer',
    nullable: true,
    unit: 'days',
    minimum: 0,
    label: 'days since the last order',
    description: 'Whole days since the last order. Missing without an earlier order.',
  },
  'customer.first_order': {
    ...cart,
    type: 'boolean',
    nullable: true,
    label: 'this is the first order',
    otherwise: 'this is not the first order',
    description: "Whether this would be the buyer's first order. Missing until the buyer is known by account or e-mail address.",
  },
  'customer.email_domain': {
    ...cart,
    type: 'text',
    nullable: true,
    form: 'domain',
    label: 'e-mail domain',
    description: 'What follows the @ of the e-mail address, in lower case. Missing until the address is given.',
  },
  channel: { ...cart, type: 'text', label: 'channel', description: 'Sales channel of the cart: `web` unless another is given.' },
  currency: { ...cart, type: 'text', form: 'currency', label: 'currency', description: 'ISO 4217 code of the currency of the cart.' },
  'time.now': { ...cart, type: 'time', label: 'time', description: 'The instant for which the cart is priced.' },
  'time.date': { ...cart, type: 'date', label: 'date', description: 'Today in the time zone of the merchant.' },
  'time.weekday': {
    ...cart,
    type: 'integer',
    minimum: 1,
    maximum: 7,
    label: 'weekday',
    description: '1 for Monday to 7 for Sunday, in the time zone of the merchant.',
  },
  'time.hour': {
    ...cart,
    type: 'integer',
    minimum: 0,
    maximum: 23,
    label: 'hour',
    description: 'Hour of the day in the time zone of the merchant.',
  },
  'time.minute_of_day': {
    ...cart,
    type: 'integer',
    unit: 'minutes',
    minimum: 0,
    maximum: 1_439,
    label: 'time of day',
    description: 'Minutes since midnight on the clock of the merchant: 18:30 is 1110.',
  },
  'shipping_address.country': {
    ...cart,
    type: 'text',
    nullable: true,
    form: 'country',
    label: 'country',
    description: 'ISO 3166-1 alpha-2 code of the country of the shipping address. Missing until it is given.',
  },
  'shipping_address.region': {
    ...cart,
    type: 'text',
    nullable: true,
    label: 'region',
    description: 'State, province or region of the shipping address, as given. Missing until it is given.',
  },
  'shipping_address.postcode': {
    ...cart,
    type: 'text',
    nullable: true,
    label: 'postcode',
    description: 'Postcode of the shipping address, as given. Missing until it is given.',
  },
  'shipping_address.city': {
    ...cart,
    type: 'text',
    nullable: true,
    label: 'city',
    description: 'City of the shipping address, as given. Missing until it is given.',
  },
  'billing_address.country': {
    ...cart,
    type: 'text',
    nullable: true,
    form: 'country',
    label: 'billing country',
    description: 'ISO 3166-1 alpha-2 code of the country of the billing address. Missing until it is given.',
  },
  'shipping.method': {
    ...cart,
    type: 'text',
    nullable: true,
    label: 'shipping method',
    description: 'Code of the chosen shipping method. Missing until one is chosen.',
  },
  'shipping.amount': {
    ...cart,
    type: 'amount',
    nullable: true,
    unit: 'minor units',
    label: 'shipping cost',
    description: 'Price of the chosen shipping method before discounts. Missing until one is chosen.',
  },
  'coupon.codes': {
    ...cart,
    type: 'set',
    form: 'code',
    label: 'coupon codes',
    description: 'Codes entered by the buyer that can be used, in upper case.',
  },
  lines: { ...cart, type: 'lines', label: 'lines', description: 'The lines of the cart, for conditions on lines.' },
}

const LINE_FACTS: Record<LineFactName, Fact> = {
  'line.quantity': { ...line, type: 'integer', unit: 'units', minimum: 0, label: 'quantity', description: 'Units of the line.' },
  'line.unit_price': { ...line, type: 'amount', unit: 'minor units', label: 'unit price', description: 'List price of one unit.' },
  'line.subtotal': { ...line, type: 'amount', unit: 'minor units', label: 'line subtotal', description: 'Quantity times unit price.' },
  'line.weight': {
    ...line,
    type: 'integer',
    unit: 'grams',
    minimum: 0,
    label: 'line weight',
    description: 'Weight of all units of the line.',
  },
  'line.sku': { ...line, type: 'text', nullable: true, label: 'SKU', description: 'SKU of the variant. Missing when it has none.' },
  'line.product_id': { ...line, type: 'text', form: 'uuid', label: 'product id', description: 'Id of the product.' },
  'line.variant_id': { ...line, type: 'text', form: 'uuid', label: 'variant id', description: 'Id of the variant.' },
  'line.tags': { ...line, type: 'set', label: 'tags', description: 'Tags of the product.' },
  'line.collections': { ...line, type: 'set', label: 'collections', description: 'Handles of the collections that the product is in.' },
  'line.vendor': {
    ...line,
    type: 'text',
    nullable: true,
    label: 'vendor',
    description: 'Vendor of the product. Missing when it has none.',
  },
  'line.product_type': {
    ...line,
    type: 'text',
    nullable: true,
    label: 'product type',
    description: 'Type of the product. Missing when it has none.',
  },
  'line.on_sale': {
    ...line,
    type: 'boolean',
    label: 'on sale',
    otherwise: 'not on sale',
    description: 'Whether the unit price is below the compare-at price.',
  },
  'line.sale_percent': {
    ...line,
    type: 'decimal',
    nullable: true,
    unit: 'percent',
    minimum: 0,
    maximum: 100,
    label: 'price reduction',
    description: 'How far the unit price is below the compare-at price, rounded down to four decimals. Missing when not on sale.',
  },
  'line.taxable': {
    ...line,
    type: 'boolean',
    label: 'taxable',
    otherwise: 'not taxable',
    description: 'Whether tax is due on the variant.',
  },
  'line.tax_category': {
    ...line,
    type: 'text',
    nullable: true,
    label: 'tax category',
    description: 'Tax category. Missing when it has none.',
  },
  'line.requires_shipping': {
    ...line,
    type: 'boolean',
    label: 'needs shipping',
    otherwise: 'needs no shipping',
    description: 'Whether the variant has to be sent.',
  },
}

/** Everything a condition may ask for. `npm test` holds the table in docs/rules.md to it. */
export const FACTS: Readonly<Record<FactName, Fact>> = { ...CART_FACTS, ...LINE_FACTS }

/** The fact of that name; undefined for any other text, also for names that every object has. */
export function factNamed(name: string): Fact | undefined {
  return Object.hasOwn(FACTS, name) ? FACTS[name as FactName] : undefined
}
