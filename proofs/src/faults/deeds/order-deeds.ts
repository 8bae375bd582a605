import { ADDRESS } from '../../goods.ts'
import { type Deed, hold, type Placed, type Stage } from './stage.ts'

const CARD = { payment: { provider: 'sandbox', token: 'tok_ok' } }
const A_TRIAL = { reason: 'a trial' }

interface Fulfillment {
  id: string
  location_id: string
  status: string
  lines: { line_id: string; quantity: number }[]
}

/** What becomes of orders, from the cart to the return. */
export const ORDER_DEEDS: readonly Deed[] = [
  {
    name: 'a purchase on account',
    act: async (stage) => {
      stage.begin()
      const cart = await stage.cart()
      await stage.visitor('PATCH', `/carts/${cart.id}`, { body: { email: stage.email }, headers: { 'cart-token': cart.token } })
      hold((await stage.checkout(cart)).status === 'placed', 'the order is not placed', cart)
    },
  },
  {
    name: 'a purchase by card',
    act: async (stage) => {
      stage.begin()
      const order = await stage.order(CARD)
      await stage.becomes(
        () => readOrder(stage, order.id),
        ({ payment_status }) => payment_status === 'paid',
      )
    },
  },
  {
    name: 'another card after one that was declined',
    act: async (stage) => {
      const cart = await stage.cart()
      stage.begin()
      const how = { payment: { provider: 'sandbox', token: 'tok_card_declined' } }
      const { order, token } = (await stage.checkout(cart, how, [402])) as unknown as { order: { id: string }; token: string }
      await stage.visitor('POST', `/orders/${order.id}/payments`, { body: CARD, headers: { 'order-token': token } })
      await stage.becomes(
        () => readOrder(stage, order.id),
        ({ payment_status }) => payment_status === 'paid',
      )
    },
  },
  {
    name: 'a payment that settles late',
    act: async (stage) => {
      const cart = await stage.cart()
      stage.begin()
      const order = await stage.checkout(cart, { payment: { provider: 'sandbox', token: 'tok_processing' } })
      await stage.world.house.psp.control.releaseCallbacks()
      await stage.becomes(
        () => readOrder(stage, order.id),
        ({ payment_status }) => payment_status !== 'pending',
      )
    },
  },
  {
    name: 'a cancellation, with the money back',
    act: async (stage) => {
      const order = await stage.order(CARD)
      stage.begin()
      await stage.staff('POST', `/orders/${order.id}/cancel`, { body: A_TRIAL })
      await stage.becomes(
        () => readOrder(stage, order.id),
        (seen) => seen.status === 'cancelled' && ['refunded', 'voided'].includes(seen.payment_status),
      )
    },
  },
  {
    name: 'a refund of a part',
    act: async (stage) => {
      const order = await stage.order(CARD)
      stage.begin()
      const body = { amount: { amount: 150, currency: 'EUR' }, to: 'original', reason: 'a scratch' }
      await stage.staff('POST', `/orders/${order.id}/refunds`, { body })
      const seen = await stage.becomes(
        () => readOrder(stage, order.id),
        (now) => now.payment_status === 'part_refunded',
      )
      hold(seen.payments.length === 1, 'there is another payment', seen.payments)
    },
  },
  {
    name: 'an edit of an order, its notes and its tags',
    act: async (stage) => {
      const order = await stage.order()
      stage.begin()
      const lines = [{ line_id: order.lines[0]!.id, quantity: 3 }]
      await stage.staff('POST', `/orders/${order.id}/edits`, { body: { lines, reason: 'one more' } })
      await stage.staff('POST', `/orders/${order.id}/notes`, { body: { body: 'Called.' } })
      await stage.staff('PUT', `/orders/${order.id}/tags`, { body: { tags: ['called'] } })
      await stage.staff('PATCH', `/orders/${order.id}`, { body: { email: `other-${stage.email}` } })
      const edits = await stage.staff<{ data: unknown[] }>('GET', `/orders/${order.id}/edits`)
      hold(edits.data.length === 1, 'it was not edited once', edits)
      const notes = await stage.staff<{ data: unknown[] }>('GET', `/orders/${order.id}/notes`)
      hold(notes.data.length === 1, 'there is not one note', notes)
    },
  },
  {
    name: 'goods on their way, and back again',
    act: async (stage) => {
      const order = await stage.order(CARD)
      stage.begin()
      await sendBack(stage, order, await sendOut(stage, order))
    },
  },
  {
    name: 'a draft that becomes an order',
    act: async (stage) => {
      stage.begin()
      const lines = [{ variant_id: stage.world.variants[1]!, quantity: 1 }]
      const draft = await stage.staff<{ id: string; token: string }>('POST', '/draft-orders', {
        body: { lines, email: stage.email, shipping_address: ADDRESS },
      })
      await stage.staff('PATCH', `/draft-orders/${draft.id}`, { body: { lines: [{ ...lines[0], quantity: 2 }] } })
      const order = await stage.checkout(draft)
      hold(order.lines[0]!.quantity === 2, 'another quantity was ordered', order)
    },
  },
  {
    name: 'a gift card that pays',
    act: async (stage) => {
      stage.begin()
      const issued = await stage.staff<{ cards: { id: string; code: string }[] }>('POST', '/gift-cards', {
        body: { amount: { amount: 100_000, currency: 'EUR' } },
      })
      const cart = await stage.cart()
      const { id, code } = issued.cards[0]!
      const order = await stage.checkout(cart, { gift_cards: [code] })
      await stage.becomes(
        () => readOrder(stage, order.id),
        ({ payment_status }) => payment_status === 'paid',
      )
      await stage.staff('POST', `/gift-cards/${id}/disable`, { body: A_TRIAL, also: [409] })
    },
  },
]

interface OrderSeen {
  status: string
  payment_status: string
  payments: { id: string }[]
}

function readOrder(stage: Stage, id: string): Promise<OrderSeen> {
  return stage.staff<OrderSeen>('GET', `/orders/${id}`)
}

/** Picked, packed, shipped and delivered. Answers from where. */
async function sendOut(stage: Stage, order: Placed): Promise<string> {
  const path = `/orders/${order.id}/fulfillments`
  const read = async () => (await stage.staff<{ data: Fulfillment[] }>('GET', path)).data
  const [open] = await stage.becomes(read, (seen) => seen.length === 1)
  const step = `/fulfillments/${open!.id}`
  await stage.staff('POST', `${step}/pick`, { body: { lines: open!.lines.map(({ line_id, quantity }) => ({ line_id, quantity })) } })
  await stage.staff('POST', `${step}/pack`)
  await stage.staff('POST', `${step}/ship`, { body: { carrier: 'Hand', tracking_number: stage.name } })
  await stage.staff('POST', `${step}/deliver`)
  const [done] = await read()
  hold(done!.status === 'delivered', 'the goods are not delivered', done)
  return done!.location_id
}

async function sendBack(stage: Stage, order: Placed, locationId: string): Promise<void> {
  const line = { line_id: order.lines[0]!.id, quantity: 1 }
  const made = await stage.staff('POST', `/orders/${order.id}/returns`, { body: { lines: [{ ...line, reason: 'unwanted' }] } })
  await stage.staff('POST', `/returns/${made.id}/approve`, { body: {}, also: [409] })
  const lines = [{ line_id: line.line_id, inspections: [{ decision: 'restock', quantity: 1 }] }]
  await stage.staff('POST', `/returns/${made.id}/receive`, { body: { location_id: locationId, lines } })
  await stage.staff('POST', `/returns/${made.id}/refund`, { body: { reason: 'back' } })
  const seen = await stage.becomes(
    () => readOrder(stage, order.id),
    ({ payment_status }) => payment_status === 'part_refunded' || payment_status === 'refunded',
  )
  hold(seen.payments.length === 1, 'there is another payment', seen)
}
