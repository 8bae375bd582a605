/** What a mail is about. */
export const MAIL_TEMPLATE_NAMES = [
  'order_placed',
  'order_cancelled',
  'shipment_sent',
  'payment_requested',
  'refund_issued',
  'return_received',
  'verify_email',
  'account_exists',
  'reset_password',
  'change_email',
  'email_changed',
  'webhook_trouble',
] as const
export type MailTemplateName = (typeof MAIL_TEMPLATE_NAMES)[number]

/** Plain values by name: what a template may say. Every name of the sample is there in every mail; null where there is nothing. */
export type MailData = Record<string, unknown>

/** The words of one mail, in Liquid. Without html it is a plain text mail. */
export interface MailWords {
  subject: string
  text: string
  html: string | null
}

const SHOP = { name: 'Example shop', url: 'https://shop.example', email: 'hello@shop.example' }

const LINES = [
  { title: 'Mug', variant: 'Blue', sku: 'MUG-B', quantity: 2, total: '19.80 EUR' },
  { title: 'Tea', variant: null, sku: 'TEA', quantity: 1, total: '6.50 EUR' },
]

const ADDRESS = ['Ada Buyer', 'Market Street 1', '10115 Berlin', 'DE']

const ORDER = {
  number: 1001,
  placed_on: '2026-03-01',
  url: 'https://shop.example/orders/0190?token=t',
  lines: LINES,
  subtotal: '26.30 EUR',
  discount: '2.00 EUR',
  shipping: '4.90 EUR',
  tax: '4.66 EUR',
  tax_included: true,
  total: '29.20 EUR',
  shipping_address: ADDRESS,
  billing_address: ADDRESS,
}

const GOODS = LINES.map(({ title, variant, sku, quantity }) => ({ title, variant, sku, quantity }))
const BUYER = { name: 'Ada Buyer', email: 'ada@buyer.example' }
const LINK = { link: 'https://shop.example/account?token=t', token: 't', valid_hours: 24 }

interface MailTemplateKind {
  /** When it is sent. */
  meaning: string
  /** All that it may say, with stand-ins: for previews, and to check what staff write against. */
  sample: MailData
}

export const MAIL_TEMPLATES: Record<MailTemplateName, MailTemplateKind> = {
  order_placed: { meaning: 'An order is firm.', sample: { shop: SHOP, order: ORDER } },
  order_cancelled: { meaning: 'An order was cancelled.', sample: { shop: SHOP, order: ORDER, reason: 'Out of stock' } },
  shipment_sent: { meaning: 'Goods of an order are on their way.', sample: { shop: SHOP, order: ORDER, lines: GOODS } },
  payment_requested: {
    meaning: 'An order costs more than was paid, and its buyer is asked for the rest.',
    sample: { shop: SHOP, order: ORDER, amount: '6.50 EUR' },
  },
  refund_issued: {
    meaning: 'Money of an order was given back.',
    sample: { shop: SHOP, order: ORDER, amount: '6.50 EUR', to_store_credit: false },
  },
  return_received: { meaning: 'Goods of an order came back.', sample: { shop: SHOP, order: ORDER, lines: GOODS } },
  verify_email: { meaning: 'Somebody signs up, and is to show that the address is theirs.', sample: { shop: SHOP, ...LINK } },
  account_exists: {
    meaning: 'Somebody signs up with an address that has an account.',
    sample: { shop: SHOP, link: 'https://shop.example/account' },
  },
  reset_password: { meaning: 'Somebody has forgotten their password.', sample: { shop: SHOP, customer: BUYER, ...LINK } },
  change_email: {
    meaning: 'A customer moves to this address, and is to show that it is theirs.',
    sample: { shop: SHOP, customer: BUYER, ...LINK },
  },
  webhook_trouble: {
    meaning: 'To the shop: deliveries to a webhook of its own fail, or have been stopped.',
    sample: { shop: SHOP, url_host: 'hooks.shop.example', is_disabled: false },
  },
  email_changed: { meaning: 'To the old address: the account has moved to another one.', sample: { shop: SHOP, customer: BUYER } },
}
