import { onCrashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cancelOrder } from '../checkout/cancel-order.ts'
import { MailRefused, type OutgoingMail, sendMail } from '../mail/send-mail.ts'
import { saveTemplate } from '../mail/templates.ts'
import { holdOrder } from '../orders/hold-order.ts'
import { recordOrderEvent } from '../orders/record-order-event.ts'
import { ADDRESS, buyCart, fillCart } from '../testing/buying.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { followEventsForMail } from './follow-events.ts'
import { mailLoaders } from './mail-loaders.ts'

let shop: TestShop

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 12, waitMs: 30_000 })
})
afterAll(() => shop.close())

const now = new Date()
const by = { actor: { kind: 'job', task: 'test' } as const, now }

async function place(seller: TestMerchant) {
  const goods = await addGoods(seller, { price: 1_000n })
  const cart = await fillCart(seller, [{ goods, quantity: 2n }], {
    email: 'ada@buyer.example',
    shippingAddress: { ...ADDRESS, name: '<b>Ada</b>' },
  })
  return (await buyCart(seller, cart.id)).order
}

function queued(seller: TestMerchant) {
  return seller.inMerchant.read(
    (tx) => tx.sql<{ id: string; template: string; status: string; problem: string | null }[]>`
      select id, template, status, problem from mail_message where merchant_id = ${tx.merchantId} order by (data ->> 'sequence')::bigint`,
  )
}

function depsFor(deliver: (mail: OutgoingMail) => Promise<void>) {
  return {
    transport: { deliver },
    loaders: mailLoaders(shop.keys),
    storefrontUrl: (slug: string) => `https://${slug}.example/`,
    now: () => now,
  }
}

describe('what happens to an order', () => {
  it('is mailed once, however many follow the log at once and however often', async () => {
    const seller = await shop.addMerchant()
    const orders = [await place(seller), await place(seller), await place(seller)]
    await Promise.all(Array.from({ length: 6 }, () => followEventsForMail(seller.inMerchant, now)))
    await followEventsForMail(seller.inMerchant, now)
    expect((await queued(seller)).map(({ template }) => template)).toEqual(orders.map(() => 'order_placed'))
  })

  it('is mailed once though a follower dies after each round', async () => {
    const seller = await shop.addMerchant()
    await place(seller)
    onCrashPoint((point) => {
      if (point === 'mail.followed') throw new Error('killed')
    })
    await expect(followEventsForMail(seller.inMerchant, now)).rejects.toThrow('killed')
    onCrashPoint(() => {})
    await followEventsForMail(seller.inMerchant, now)
    expect(await queued(seller)).toHaveLength(1)
  })

  it('is looked at one by one while its merchant is about to move, whose writers all wait for the one inside', async () => {
    const seller = await shop.addMerchant()
    const orders = [await place(seller), await place(seller), await place(seller)]
    const [counter] = await seller.inMerchant.read(
      (tx) => tx.sql<[{ events: number }]>`select event_sequence::int as events from merchant_counter where merchant_id = ${tx.merchantId}`,
    )
    const door = ((work) => seller.inMerchant(work)) as InMerchant
    let transactions = 0
    await followEventsForMail(Object.assign(door, seller.inMerchant, { isAboutToMove: () => true }), now, async () => {
      transactions += 1
    })
    expect(transactions).toBe(counter.events)
    expect(await queued(seller)).toHaveLength(orders.length)
  })

  it('and lies too far back is not mailed any more', async () => {
    const seller = await shop.addMerchant()
    await place(seller)
    await followEventsForMail(seller.inMerchant, new Date(now.getTime() + 8 * 86_400_000))
    await followEventsForMail(seller.inMerchant, now)
    expect(await queued(seller)).toEqual([])
  })

  it('is told with its goods, amounts and a link that opens it', async () => {
    const seller = await shop.addMerchant({ name: 'Tea & Cups' })
    const order = await place(seller)
    const line = order.lines[0]!
    await seller.inMerchant(async (tx) => {
      const held = await holdOrder(tx, order.id)
      const payment = order.payments[0]!
      await recordOrderEvent(tx, held, { type: 'payment.captured', paymentId: payment.id, amount: order.total }, by)
      await recordOrderEvent(
        tx,
        held,
        { type: 'fulfillment.shipped', fulfillmentId: line.id, lines: [{ lineId: line.id, quantity: 1n }] },
        by,
      )
      await recordOrderEvent(tx, held, { type: 'return.received', returnId: line.id, lines: [{ lineId: line.id, quantity: 1n }] }, by)
      const refund = { refundId: line.id, paymentId: payment.id, amount: 500n, lines: [], shipping: 0n }
      await recordOrderEvent(tx, held, { type: 'refund.issued', to: 'original', ...refund }, by)
    })
    await followEventsForMail(seller.inMerchant, now)
    const mails = new Map<string, OutgoingMail>()
    for (const { id, template } of await queued(seller))
      await sendMail(
        seller.inMerchant,
        depsFor(async (mail) => void mails.set(template, mail)),
        { mailId: id },
      )
    expect([...mails.keys()]).toEqual(['order_placed', 'shipment_sent', 'return_received', 'refund_issued'])
    const placed = mails.get('order_placed')!
    expect(placed).toMatchObject({ sender: 'Tea & Cups', replyTo: 'owner@shop.example', to: 'ada@buyer.example' })
    expect(placed.text).toMatch(/2 x Goods \d+: 20\.00 EUR/)
    expect(placed.text).toContain('Shipping: 4.90 EUR')
    expect(placed.text).toContain(`.example/orders/${order.id}?token=`)
    expect(placed.html).toContain('&lt;b&gt;Ada&lt;/b&gt;')
    expect(mails.get('shipment_sent')!.text).toMatch(/1 x Goods/)
    expect(mails.get('refund_issued')!.text).toContain('5.00 EUR')
    expect((await queued(seller)).map(({ status }) => status)).toEqual(['sent', 'sent', 'sent', 'sent'])
  })

  it('is told in the words of the merchant, by the reader`s language', async () => {
    const seller = await shop.addMerchant()
    const write = (locale: string, subject: string) =>
      seller.inMerchant((tx) => saveTemplate(tx, { name: 'order_placed', locale }, { subject, text: '{{ order.number }}', html: null }, by))
    await write('', 'Hello')
    await write('de', 'Hallo')
    await place(seller)
    await followEventsForMail(seller.inMerchant, now)
    await seller.inMerchant((tx) => tx.sql`update mail_message set locale = 'de-AT' where merchant_id = ${tx.merchantId}`)
    const [mail] = await queued(seller)
    let subject = ''
    await sendMail(
      seller.inMerchant,
      depsFor(async (sent) => {
        subject = sent.subject
      }),
      { mailId: mail!.id },
    )
    expect(subject).toBe('Hallo')
  })

  it('is told to be over to whoever heard of it', async () => {
    const seller = await shop.addMerchant()
    const order = await place(seller)
    await seller.inMerchant((tx) => cancelOrder(tx, { orderId: order.id, reason: 'Sold out', ...by }))
    await followEventsForMail(seller.inMerchant, now)
    const mails = await queued(seller)
    expect(mails.map(({ template }) => template)).toEqual(['order_placed', 'order_cancelled'])
    let text = ''
    await sendMail(
      seller.inMerchant,
      depsFor(async (sent) => {
        text = sent.text
      }),
      { mailId: mails[1]!.id },
    )
    expect(text).toContain('was cancelled: Sold out.')
  })
})

describe('a mail', () => {
  it('that the server refuses has failed; one that it does not take now is tried again with the same Message-ID', async () => {
    const seller = await shop.addMerchant()
    await place(seller)
    await followEventsForMail(seller.inMerchant, now)
    const [mail] = await queued(seller)
    const ids: string[] = []
    const failing = depsFor(async (sent) => {
      ids.push(sent.messageId)
      throw new Error('not now')
    })
    await expect(sendMail(seller.inMerchant, failing, { mailId: mail!.id })).rejects.toThrow('not now')
    expect((await queued(seller))[0]).toMatchObject({ status: 'queued' })
    const refusing = depsFor(async (sent) => {
      ids.push(sent.messageId)
      throw new MailRefused('ada@buyer.example is unknown here')
    })
    expect(await sendMail(seller.inMerchant, refusing, { mailId: mail!.id })).toBe('failed')
    expect((await queued(seller))[0]).toMatchObject({ status: 'failed', problem: expect.not.stringContaining('ada') })
    expect(await sendMail(seller.inMerchant, failing, { mailId: mail!.id })).toBe('none')
    expect(ids).toEqual([mail!.id, mail!.id])
  })

  it('that was sent when the worker died is sent again under the same name', async () => {
    const seller = await shop.addMerchant()
    await place(seller)
    await followEventsForMail(seller.inMerchant, now)
    const [mail] = await queued(seller)
    const sent: string[] = []
    const deps = depsFor(async ({ messageId }) => void sent.push(messageId))
    onCrashPoint((point) => {
      if (point === 'mail.after_delivery') throw new Error('killed')
    })
    await expect(sendMail(seller.inMerchant, deps, { mailId: mail!.id })).rejects.toThrow('killed')
    onCrashPoint(() => {})
    await sendMail(seller.inMerchant, deps, { mailId: mail!.id })
    await sendMail(seller.inMerchant, deps, { mailId: mail!.id })
    // At least once is what SMTP allows: the receiver knows the second by its Message-ID.
    expect(sent).toEqual([mail!.id, mail!.id])
  })
})
