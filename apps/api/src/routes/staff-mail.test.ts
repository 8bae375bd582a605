import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'
import { deliverMails } from '../testing/mailbox.ts'

let api: TestApi
let shop: ApiMerchant

beforeAll(async () => {
  api = await createTestApi()
  shop = await api.addMerchant({ name: 'Cups', contactEmail: 'owner@cups.example' })
})
// What is made later has a later id.
beforeEach(() => {
  api.clock.now = new Date(api.clock.now.getTime() + 1_000)
})
afterAll(() => api.close())

const call = (method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, payload?: object) =>
  api.call(shop.host, { method, url: `/v1/admin${path}`, token: shop.token, ...(payload && { payload }) })
const mails = () => deliverMails(shop, api.shop.keys, api.clock.now)

describe('a template', () => {
  it('is ours until the shop writes its own, by language, and again when those are taken back', async () => {
    const before = await call('GET', '/mail-templates/order_placed')
    expect(before.body).toMatchObject({ is_default: true, locale: null, sample: { order: { number: 1001 } } })
    const words = { subject: 'Order {{ order.number }}', text: 'Thanks', html: null }
    expect((await call('PUT', '/mail-templates/order_placed?locale=fr', words)).body).toMatchObject({
      ...words,
      locale: 'fr',
      is_default: false,
    })
    expect((await call('GET', '/mail-templates')).body.data.filter(({ name }: { name: string }) => name === 'order_placed')).toHaveLength(2)
    expect((await call('GET', '/mail-templates/order_placed')).body.is_default).toBe(true)
    expect((await call('GET', '/mail-templates/order_placed?locale=it')).status).toBe(404)
    expect((await call('DELETE', '/mail-templates/order_placed?locale=fr')).status).toBe(204)
    expect((await call('DELETE', '/mail-templates/order_placed?locale=fr')).status).toBe(404)
    expect((await call('GET', '/mail-templates/nothing')).status).toBe(400)
  })

  it('that cannot be used is refused with the place that is wrong, and nothing is saved', async () => {
    const bad = { subject: '{{ nobody.knows }}', text: '{% if %}', html: '{{ shop.name | raw }}' }
    for (const [method, path] of [
      ['PUT', '/mail-templates/refund_issued'],
      ['POST', '/mail-templates/refund_issued/preview'],
    ] as const) {
      const answer = await call(method, path, bad)
      expect([answer.status, answer.body.type]).toEqual([422, expect.stringMatching(/mail-template-invalid$/)])
      expect(answer.body.errors.map(({ pointer, code }: { pointer: string; code: string }) => [pointer, code])).toEqual([
        ['/subject', 'unknown-variable'],
        ['/text', 'invalid-template'],
        ['/html', 'invalid-template'],
      ])
    }
    expect((await call('GET', '/mail-templates/refund_issued')).body.is_default).toBe(true)
    expect((await call('PUT', '/mail-templates/refund_issued', { subject: 'x', text: 'y'.repeat(100_001) })).status).toBe(422)
    expect((await call('PUT', '/mail-templates/refund_issued', { subject: 'x', text: 'y', bcc: 'z' })).status).toBe(400)
  })

  it('is seen with stand-ins before it is saved, and mailed to oneself after', async () => {
    const words = { subject: 'To {{ customer.name }}', text: '{{ link }}', html: '<p>{{ customer.name }}</p>' }
    expect((await call('POST', '/mail-templates/reset_password/preview', words)).body).toMatchObject({
      subject: 'To Ada Buyer',
      html: '<p>Ada Buyer</p>',
    })
    await call('PUT', '/mail-templates/reset_password', words)
    expect(await call('POST', '/mail-templates/reset_password/test')).toMatchObject({ status: 202, body: { recipient: shop.owner.email } })
    expect(await mails()).toMatchObject([{ to: shop.owner.email, subject: 'To Ada Buyer' }])
  })
})

describe('the settings', () => {
  it('say who a mail is from and where its links lead', async () => {
    const given = { sender_name: 'Cups & Co', reply_to: 'help@cups.example', storefront_url: 'https://www.cups.example/shop/' }
    expect((await call('PUT', '/mail-settings', given)).body).toEqual(given)
    await call('POST', '/mail-templates/account_exists/test')
    expect((await mails())[0]).toMatchObject({ sender: 'Cups & Co', replyTo: 'help@cups.example' })
    await api.call(shop.host, {
      method: 'POST',
      url: '/v1/customers',
      payload: { email: 'new@buyer.example', password: 'a long password' },
    })
    expect((await mails())[0]!.text).toContain('https://www.cups.example/shop/account/verify?token=')
  })

  it.each(['http://www.cups.example', 'https://user@cups.example', 'https://cups.example/?a=b', 'javascript:alert(1)', 'cups'])(
    'lead to no place like %s',
    async (storefront_url) => {
      const answer = await call('PUT', '/mail-settings', { sender_name: null, reply_to: null, storefront_url })
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: '/storefront_url' }] } })
    },
  )
})

describe('what was mailed', () => {
  it('is listed without its words, and a mail that failed is sent again', async () => {
    await call('POST', '/mail-templates/order_placed/test')
    await mails()
    const [mail] = (await call('GET', '/mails?limit=1')).body.data
    expect(mail).toMatchObject({ template: 'order_placed', status: 'sent', recipient: shop.owner.email })
    expect((await call('POST', `/mails/${mail.id}/retry`)).body).toMatchObject({ current_state: 'sent' })
    await shop.inMerchant(
      (tx) => tx.sql`update mail_message set status = 'failed' where merchant_id = ${tx.merchantId} and id = ${mail.id}`,
    )
    expect((await call('GET', '/mails?mail_status=failed')).body.data.map(({ id }: { id: string }) => id)).toEqual([mail.id])
    expect((await call('POST', `/mails/${mail.id}/retry`)).status).toBe(204)
    expect(await mails()).toHaveLength(1)
    expect((await call('POST', `/mails/${shop.locationId}/retry`)).status).toBe(404)
  })

  it('goes nowhere when the person was forgotten in the meantime', async () => {
    const email = 'leaves@buyer.example'
    const { body } = await call('POST', '/customers', { email })
    await api.call(shop.host, { method: 'POST', url: '/v1/customers/password-resets', payload: { email } })
    expect((await call('POST', `/customers/${body.id}/erasure`, { reason: '' })).status).toBe(204)
    expect(await mails()).toEqual([])
    expect((await call('GET', '/mails?limit=1')).body.data[0]).toMatchObject({ recipient: null, status: 'dropped' })
  })
})
