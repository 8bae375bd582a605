/** A kind of event, with data as it is written: every member there can be. */
export interface CataloguedEvent {
  type: string
  /** `subject.type` of its messages: what comes in order. */
  subject: string
  when: string
  example: Record<string, unknown>
}

const ID = '01a1ff20-562e-7adc-9c81-759c9fe72c03'
const TIME = '2027-12-31T23:59:59.000Z'
const LINES = [{ line_id: ID, quantity: 1 }]
const MONEY = { amount: 5_000, currency: 'EUR' }
const TOTALS = {
  subtotal: 4_500,
  discount_total: 0,
  shipping_discount_total: 0,
  shipping_total: 490,
  tax_total: 797,
  tax_included: true,
  total: 4_990,
}
const LINE = {
  id: ID,
  product_id: ID,
  variant_id: ID,
  sku: 'MUG-BLUE',
  quantity: 2,
  unit_price: 2_250,
  subtotal: 4_500,
  discount_total: 0,
  tax_total: 719,
  total: 4_500,
}
const CONTENT = { number: 1_001, currency: 'EUR', customer_id: null, ...TOTALS, lines: [LINE] }
const PAYMENTS = [{ id: ID, provider: 'stripe', method: 'card', amount: 4_990 }]
const OF_ORDER = { order_id: ID }
const OF_PAYMENT = { ...OF_ORDER, payment_id: ID }
const OF_FULFILLMENT = { fulfillment_id: ID, order_id: ID }
const OF_RETURN = { return_id: ID, order_id: ID, lines: [{ line_id: ID, quantity: 1, reason: 'defective' }] }
const OF_SHIPMENT = { shipment_id: ID, order_id: ID }
const OF_TRANSFER = { transfer_id: ID, lines: [{ variant_id: ID, quantity: 1 }] }
const OF_ENDPOINT = { endpoint_id: ID, url_host: 'hooks.shop.com' }
const ASSIGNED = { ...OF_FULFILLMENT, status: 'picking', assigned_to: ID, courier_id: null }

type Line = [type: string, when: string, example: Record<string, unknown>]

function about(subject: string, lines: readonly Line[]): CataloguedEvent[] {
  return lines.map(([type, when, example]) => ({ type, subject, when, example }))
}

const OF_BUYING: CataloguedEvent[] = [
  ...about('order', [
    ['order.submitted', 'A buyer has ordered; the payment is not settled yet.', { ...OF_ORDER, content: CONTENT, payments: PAYMENTS }],
    [
      'order.placed',
      'The order is firm. With its content when it is the first event of the order.',
      { ...OF_ORDER, content: CONTENT, payments: PAYMENTS },
    ],
    [
      'order.edited',
      'Lines and totals as they are from now on.',
      { ...OF_ORDER, lines: [LINE], totals: TOTALS, difference: -500, reason: '' },
    ],
    ['order.cancelled', 'The order is cancelled.', { ...OF_ORDER, reason: 'changed their mind' }],
    ['order.tagged', 'The tags as they are from now on.', { ...OF_ORDER, tags: ['gift'] }],
    ['order.noted', 'Staff wrote a note.', { ...OF_ORDER, note_id: ID }],
    ['order.contact_changed', 'What the buyer is reached by was changed.', { ...OF_ORDER, fields: ['shipping_address'] }],
    ['payment.authorized', 'An amount may be captured.', { ...OF_PAYMENT, amount: 4_990 }],
    ['payment.captured', 'An amount was paid.', { ...OF_PAYMENT, amount: 4_990 }],
    ['payment.voided', 'What was authorized and not captured is given up.', { ...OF_PAYMENT, amount: 4_990 }],
    ['payment.failed', 'A payment was declined.', { ...OF_PAYMENT, code: 'insufficient_funds' }],
    ['payment.requested', 'The buyer is asked to pay what is outstanding.', { ...OF_ORDER, amount: 1_250 }],
    ['payment.action_required', 'The buyer has to do something, 3-D Secure for example.', OF_PAYMENT],
    [
      'payment.held_for_review',
      'The provider says something else than was asked for: staff have to look.',
      { ...OF_PAYMENT, reason: 'amount' },
    ],
    ['payment.disputed', 'A dispute was opened, won or lost.', { ...OF_PAYMENT, dispute_id: ID, amount: 4_990, status: 'opened' }],
    [
      'refund.issued',
      'Money went back.',
      { ...OF_ORDER, refund_id: ID, payment_id: ID, amount: 2_250, to: 'original', lines: LINES, shipping: 0, edit_id: ID },
    ],
    ['fulfillment.shipped', 'Goods have left the house.', { ...OF_FULFILLMENT, lines: LINES }],
    ['fulfillment.delivered', 'Goods have arrived.', { ...OF_FULFILLMENT, lines: LINES }],
    ['return.received', 'Goods came back.', { ...OF_ORDER, return_id: ID, lines: LINES }],
  ]),
  ...about('fulfillment', [
    ['fulfillment.opened', 'There is something to pick.', { ...OF_FULFILLMENT, location_id: ID, lines: LINES }],
    ['fulfillment.taken', 'Somebody picks it.', ASSIGNED],
    ['fulfillment.assigned', 'It was given to somebody.', ASSIGNED],
    ['fulfillment.courier_assigned', 'It was given to a courier.', { ...ASSIGNED, courier_id: ID }],
    ['fulfillment.picked', 'It is picked, maybe short.', { ...OF_FULFILLMENT, short: LINES }],
    ['fulfillment.packed', 'It is packed.', OF_FULFILLMENT],
    ['fulfillment.delivery_failed', 'A delivery was tried in vain.', { ...OF_FULFILLMENT, reason: 'nobody_home', attempt: 1 }],
    ['fulfillment.split', 'A part of it goes in another one.', { ...OF_FULFILLMENT, into_fulfillment_id: ID, lines: LINES }],
    ['fulfillment.cancelled', 'It will not be sent.', { ...OF_FULFILLMENT, short: LINES }],
  ]),
  ...about('return', [
    ['return.requested', 'A buyer wants to send goods back.', OF_RETURN],
    ['return.approved', 'The goods may be sent back.', OF_RETURN],
    ['return.rejected', 'They may not.', OF_RETURN],
    ['return.cancelled', 'They will not come.', OF_RETURN],
  ]),
  ...about('shipment', [
    [
      'shipment.requested',
      'A carrier is asked for a label.',
      { ...OF_SHIPMENT, fulfillment_id: ID, plugin: 'lockers', method: 'standard' },
    ],
    ['shipment.created', 'The carrier has it.', { ...OF_SHIPMENT, tracking_number: 'L1' }],
    ['shipment.labelled', 'The carrier gave a label.', { ...OF_SHIPMENT, tracking_number: 'L1' }],
    ['shipment.cancelling', 'The carrier was asked to forget it.', OF_SHIPMENT],
    ['shipment.tracked', 'The carrier told where it is.', { ...OF_SHIPMENT, tracking_status: 'in_transit', tracking_number: 'L1' }],
    ['shipment.failed', 'The carrier would not take it.', { ...OF_SHIPMENT, failure: 'too heavy' }],
    ['shipment.cancellation_requested', 'The carrier is asked to forget it.', OF_SHIPMENT],
    ['shipment.cancelled', 'The carrier has forgotten it.', OF_SHIPMENT],
  ]),
]

const OF_PEOPLE_AND_MONEY: CataloguedEvent[] = [
  ...about('customer', [
    ['customer.created', 'There is a new customer.', { customer_id: ID }],
    ['customer.registered', 'A customer has an account.', { customer_id: ID }],
    ['customer.updated', 'Something of a customer was changed.', { customer_id: ID, changed: ['name'] }],
    ['customer.password_changed', 'A customer has another password.', { customer_id: ID }],
    ['customer.refresh_token_reused', 'A token came twice: the session was ended.', { customer_id: ID, session_id: ID }],
    ['customer.orders_claimed', 'Orders made without an account are theirs now.', { customer_id: ID, orders: 2 }],
    ['customer.erased', 'Their personal data is gone.', { customer_id: ID }],
    ['customer.deleted', 'A customer was deleted.', { customer_id: ID }],
    ['store_credit.changed', 'A customer has more or less store credit.', { customer_id: ID, change: MONEY }],
  ]),
  ...about('customer_group', [
    ['customer_group.created', 'There is a new group.', { group_id: ID, handle: 'friends' }],
    ['customer_group.updated', 'A group was changed.', { group_id: ID, handle: 'friends' }],
    ['customer_group.deleted', 'A group was deleted.', { group_id: ID, handle: 'friends' }],
    ['customer_group.joined', 'A customer is in a group.', { group_id: ID, handle: 'friends', customer_id: ID }],
    ['customer_group.left', 'A customer is in it no more.', { group_id: ID, handle: 'friends', customer_id: ID }],
  ]),
  ...about('gift_card', [
    [
      'gift_card.issued',
      'There is a new gift card.',
      { gift_card_id: ID, batch_id: ID, last_four: 'K7QX', amount: MONEY, expires_at: TIME },
    ],
    ['gift_card.disabled', 'A gift card cannot be used any more.', { gift_card_id: ID }],
  ]),
  ...about('reconciliation', [
    [
      'reconciliation.finished',
      'Books and a provider’s journal were compared.',
      { reconciliation_id: ID, provider: 'stripe', status: 'done', difference_count: 0 },
    ],
  ]),
]

const OF_GOODS: CataloguedEvent[] = [
  ...about('product', [
    ['product.created', 'There is a new product.', { product_id: ID, handle: 'mug', title: 'Mug', variant_count: 2 }],
    ['product.updated', 'A product was changed.', { product_id: ID, handle: 'mug', changed: ['title'] }],
    ['product.deleted', 'A product was deleted.', { product_id: ID, handle: 'mug', title: 'Mug' }],
  ]),
  ...about('collection', [
    ['collection.created', 'There is a new collection.', { collection_id: ID, handle: 'spring' }],
    ['collection.updated', 'A collection was changed.', { collection_id: ID, handle: 'spring', added: 2, removed: 1 }],
    ['collection.deleted', 'A collection was deleted.', { collection_id: ID, handle: 'spring' }],
  ]),
  ...about('stock_transfer', [
    ['stock_transfer.sent', 'Goods go from one location to another.', OF_TRANSFER],
    ['stock_transfer.received', 'Some of them, or all, have arrived.', OF_TRANSFER],
    ['stock_transfer.cancelled', 'What was on its way was called back.', OF_TRANSFER],
  ]),
  ...about('import', [
    [
      'import.finished',
      'A product file was read to its end.',
      { import_id: ID, status: 'done', created: 10, updated: 2, unchanged: 0, failed: 1 },
    ],
  ]),
]

const changed = (of: string, more: Record<string, unknown> = {}): CataloguedEvent[] =>
  about(of, [
    [`${of}.created`, 'There is a new one.', { id: ID, ...more }],
    [`${of}.updated`, 'One was changed.', { id: ID, ...more, changed: ['name'] }],
    [`${of}.deleted`, 'One was deleted.', { id: ID, ...more }],
  ])

const OF_THE_SHOP: CataloguedEvent[] = [
  ...changed('tax_rate'),
  ...about('tax_rates', [
    ['tax_rates.imported', 'A file of tax rates was read.', { id: ID, format: 'magento_tax_rates', created: 3, updated: 0, unchanged: 1 }],
  ]),
  ...about('tax_settings', [['tax_settings.updated', 'How tax is computed was changed.', { id: ID, changed: ['default_name'] }]]),
  ...changed('tax_exemption'),
  ...changed('shipping_zone'),
  ...changed('shipping_method', { code: 'standard' }),
  ...about('shipping_method', [['shipping_method.moved', 'Its place in the list was changed.', { id: ID, code: 'standard' }]]),
  ...about('merchant', [
    ['merchant.provisioned', 'The shop was opened.', { slug: 'mugs', currency: 'EUR', country: 'DE' }],
    ['settings.updated', 'Settings were changed.', { changed: ['time_zone'] }],
    ['fulfillment_settings.updated', 'Settings of fulfillment were changed.', { changed: ['return_days'] }],
  ]),
  ...about('staff', [
    ['staff.invited', 'Somebody may join.', { role: 'support', disabled: false }],
    ['staff.changed', 'Somebody has another role, or may not sign in any more.', { role: 'support', disabled: true }],
    ['staff.password_reset', 'Somebody’s password was reset.', { role: 'support', disabled: false }],
  ]),
  ...about('api_key', [
    ['api_key.created', 'There is a new API key.', { name: 'Stock system', scopes: ['stock:write'] }],
    ['api_key.revoked', 'A key cannot be used any more.', {}],
  ]),
  ...about('plugin_release', [
    ['plugin.pushed', 'A version of a plugin is there.', { plugin: 'lockers', version: '1.2.0', digest: 'a1…' }],
  ]),
  ...about('plugin_install', [
    ['plugin.installed', 'A plugin is installed.', { plugin: 'lockers', version: '1.2.0', points: ['fulfillment'] }],
    ['plugin.changed', 'Its configuration was changed.', { plugin: 'lockers', version: '1.2.0', changed: ['configuration'] }],
    ['plugin.updated', 'It follows its range to another version.', { plugin: 'lockers', from: '1.2.0', to: '1.3.0', because: 'range' }],
    ['plugin.promoted', 'A trial is for everybody now.', { plugin: 'lockers', from: '1.2.0', to: '1.3.0' }],
    ['plugin.rolled_back', 'It is at the version before again.', { plugin: 'lockers', from: '1.3.0', to: '1.2.0' }],
    [
      'plugin.suspended',
      'It failed too often and is not asked.',
      { plugin: 'lockers', failed_release_id: ID, serving_release_id: null, reason: 'timeout' },
    ],
    [
      'plugin.returned',
      'The last good version is asked instead.',
      { plugin: 'lockers', failed_release_id: ID, serving_release_id: ID, reason: 'timeout' },
    ],
    ['plugin.uninstalled', 'A plugin is gone.', { plugin: 'lockers', version: '1.2.0' }],
  ]),
  ...about('webhook_endpoint', [
    ['webhook.test', 'Somebody wanted to see whether it arrives. For its own endpoint alone.', { endpoint_id: ID }],
    ['webhook.endpoint_failing', 'An endpoint has taken nothing for three days.', { ...OF_ENDPOINT, failing_since: TIME }],
    ['webhook.endpoint_disabled', 'An endpoint is told nothing any more.', { ...OF_ENDPOINT, reason: 'failing' }],
  ]),
]

/** Everything that may be in an event log, in the order of the documentation. */
export const EVENT_CATALOGUE: readonly CataloguedEvent[] = [...OF_BUYING, ...OF_PEOPLE_AND_MONEY, ...OF_GOODS, ...OF_THE_SHOP]

/** The documentation of all events, docs/events.md. */
export function eventsPage(): string {
  const sections = EVENT_CATALOGUE.map(
    ({ type, subject, when, example }) =>
      `## ${type}\n\n${when} Subject: \`${subject}\`.\n\n\`\`\`json\n${JSON.stringify(example, null, 2)}\n\`\`\`\n`,
  )
  return `${HEADER}${sections.join('\n')}`
}

const HEADER = `# Events

Everything that can happen in a shop, with an example of its \`data\`: what [webhooks](webhooks.md) are told, and what \`/v1/admin/events\` lists. A member
may be absent where it has nothing to say. Amounts are minor units; of an order, in its currency. Events with the same subject come in order. This
page is made from \`packages/core/src/webhooks/event-catalogue.ts\`, which tests hold against what is really written.

`
