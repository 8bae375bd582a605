import { PASSWORD_LENGTH_MIN } from '@souk/core/merchant/passwords.ts'
import { EVENT_CATALOGUE } from '@souk/core/webhooks/event-catalogue.ts'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { columnsWithout, idsIn } from './testing/all-rows.ts'
import { PASSWORD } from './testing/api.ts'
import { faceOf, Neighbours, PLATFORM } from './testing/neighbours.ts'
import type { FullShop } from './testing/twin-shops.ts'
import { BODIES, type Credentials, positionsOf, requestFor } from './testing/valid-requests.ts'

// Every operation of the API's own description, called at one merchant with what belongs to another. Both have the same names for
// different things. A new operation takes part by being described; where nobody has said what belongs in one of its places, this fails
// and says what to add.

const API = 'api.localhost'

let street: Neighbours
let self: FullShop
let other: FullShop

beforeAll(async () => {
  street = await Neighbours.moveIn()
  self = street.self
  other = street.other
})
afterAll(async () => {
  console.log(`${street?.requests} requests to ${street?.operations.length} operations with what belongs to another merchant.`)
  await street?.moveOut()
})

// Every operation is tried with everything that is another's, and most of them in a shop of their own: the limit is for what hangs.
vi.setConfig({ testTimeout: 1_800_000 })

/** Columns that hold no words of a merchant's, and what they hold. */
const NO_WORDS: Record<string, string> = {
  'api_key.scopes': 'our words',
  'api_key.secret_hash': 'a hash: looked for by itself',
  'audit_chain.hash': 'a hash: looked for by itself',
  'audit_entry.action': 'our words',
  'audit_entry.actor': 'ids: looked for by themselves',
  'audit_entry.hash': 'a hash: looked for by itself',
  'audit_entry.previous_hash': 'a hash: looked for by itself',
  'audit_entry.target_type': 'our words',
  'cart.coupon_codes': 'codes in capital letters',
  'cart.currency': 'a code',
  'cart.shipping_option': 'our word',
  'cart.vat_id': 'a number with check digits',
  'catalog_import.failure': 'our words, and a line number',
  'catalog_import_problem.code': 'our words',
  'catalog_import_problem.field': 'our words',
  'coupon.code_key': 'a code in capital letters',
  'coupon_batch.author': 'ids: looked for by themselves',
  'coupon_batch.prefix': 'in capital letters',
  'customer.locale': 'a code',
  'customer_account.password_hash': 'a hash: looked for by itself',
  'customer_request.locale': 'a code',
  'dead_job.task': 'our words',
  'delivery_attempt.actor': 'ids: looked for by themselves',
  'dispute.currency': 'a code',
  'dispute.provider': 'our words',
  'dry_run.author': 'ids: looked for by themselves',
  'event.actor': 'ids: looked for by themselves',
  'event.aggregate_type': 'our words',
  'event.type': 'our words',
  'gift_card.code_digest': 'a hash: looked for by itself',
  'gift_card.issued_by': 'ids: looked for by themselves',
  'idempotency_key.fingerprint': 'a hash: looked for by itself',
  'idempotency_key.recovery_point': 'our words',
  'idempotency_key.route': 'our words',
  'journal.actor': 'ids: looked for by themselves',
  'ledger_entry.account': 'our words, and ids: looked for by themselves',
  'ledger_entry.currency': 'a code',
  'mail_message.data': 'ids: looked for by themselves',
  'mail_message.key': 'ids: looked for by themselves',
  'mail_message.locale': 'a code',
  'mail_message.template': 'our words',
  'mail_template.locale': 'a code',
  'mail_template.name': 'our words',
  'merchant_settings.time_zone': 'a name of IANA',
  'order_edit.actor': 'ids: looked for by themselves',
  'order_line.pricing_line_id': 'an id: looked for by itself',
  'order_note.actor': 'ids: looked for by themselves',
  'order_return.requested_by': 'ids: looked for by themselves',
  'orders.currency': 'a code',
  'orders.pricing_version': 'a hash',
  'orders.tax_treatment': 'our word',
  'payment.currency': 'a code',
  'payment_account.api_base': 'an address of ours',
  'payment_account_secret.name': 'our words',
  'payment_account_secret.sealed': 'sealed: looked for by itself',
  'payment_callback.provider': 'our words',
  'payment_operation.currency': 'a code',
  'payment_operation.requested_by': 'ids: looked for by themselves',
  'saved_payment_method.provider': 'our words',
  'plugin_call.hook': 'our words',
  'plugin_call.reason': 'our words',
  'plugin_call.version': 'a number',
  'plugin_install.version_range': 'a number',
  'plugin_release.hooks': 'our words',
  'plugin_release.pushed_by': 'ids: looked for by themselves',
  'plugin_release.version': 'a number',
  'promotion_version.author': 'ids: looked for by themselves',
  'reconciliation.provider': 'our words',
  'reconciliation.requested_by': 'ids: looked for by themselves',
  'redemption.coupon_code': 'a code in capital letters',
  'refund.actor': 'ids: looked for by themselves',
  'shipment.label_type': 'a media type',
  'shipment.requested_by': 'ids: looked for by themselves',
  'shipment.tracking_status': 'our words',
  'shipping_zone.places': 'codes',
  'staff.password_hash': 'a hash: looked for by itself',
  'stock_movement.actor': 'ids: looked for by themselves',
  'stock_transfer.actor': 'ids: looked for by themselves',
  'tax_exemption.region': 'a code',
  'tax_rate.region': 'a code',
  'tax_rate.source': 'our word',
  'webhook_attempt.failure': 'our words',
  'webhook_delivery.event_type': 'our words',
  'webhook_delivery.payload_version': 'a date',
  'webhook_endpoint.sealed_headers': 'sealed: looked for by itself',
  'webhook_endpoint.sealed_secret': 'sealed: looked for by itself',
  'webhook_subscription.payload_version': 'a date',
}

describe('the shops', () => {
  it('have marked every text of theirs', async () => {
    const unmarked = await columnsWithout(street.rows, other.merchant.id, other.canary)
    expect(unmarked, 'write the canary there in twin-shops.ts, or say in NO_WORDS why not').toEqual(Object.keys(NO_WORDS).sort())
    expect(street.secrets.size).toBeGreaterThan(50)
  })

  it('have told of nothing that is not in the catalogue of events', async () => {
    const catalogue = new Map(EVENT_CATALOGUE.map((event) => [event.type, event]))
    const events = await street.rows<{ type: string; aggregate_type: string; members: string[] }[]>`
      select distinct type, aggregate_type, array(select jsonb_object_keys(data)) as members from event`
    const unknown = events.filter(({ type, aggregate_type: subject, members }) => {
      const known = catalogue.get(type)
      return known?.subject !== subject || members.some((member) => !(member in known.example))
    })
    expect(unknown).toEqual([])
    expect(events.length).toBeGreaterThan(30)
  })

  it('have a body for no operation that is gone', () => {
    expect(Object.keys(BODIES).filter((key) => !street.operations.some((operation) => operation.key === key))).toEqual([])
  })

  it('can do all there is with what is their own: a refusal elsewhere is about whose it is', async () => {
    for (const operation of street.operations) {
      const answer = await (operation.audience === 'platform' ? byPlatform(operation) : byMerchant(operation))
      expect(answer.status, `${operation.key}: ${answer.text}`).toBeLessThan(300)
    }
  })
})

type Operation = Neighbours['operations'][number]

/** At one that may be changed, where the operation changes it. */
async function byMerchant(operation: Operation) {
  const shop = operation.method === 'GET' ? self : (await street.spareShops(1))[0]!
  return perform(operation, shop, shop.host, street.credentialsOf(shop, operation))
}

let worn: FullShop | undefined

/**
 * What the platform does to a shop is not only in its rows, and cannot be put back. A shop to which other things were done already will do, as
 * long as it does: to fill one takes seconds.
 */
async function byPlatform(operation: Operation) {
  const at = (shop: FullShop) => perform(operation, shop, PLATFORM, { access: adminFor(operation, shop) })
  if (operation.method === 'GET') return at(self)
  const answer = worn && (await at(worn))
  if (answer && answer.status < 300) return answer
  worn = await street.newShop()
  return at(worn)
}

function perform(operation: Operation, { values }: FullShop, host: string, credentials: Credentials) {
  const given = { values, credentials, naming: positionsOf(operation), idempotencyKey: street.freshKey() }
  return street.api.call(host, requestFor(operation, given))
}

/** Another password ends all tokens: whoever takes one is somebody whom nothing else needs. */
function adminFor({ key }: Operation, { values }: FullShop): string {
  return key === 'POST /v1/me/password' ? values.admin_access! : street.admin
}

async function failedTransaction(statement: 'division' | 'constraint') {
  const failing = other.inMerchant(async (tx) => {
    await tx.sql`select title from product where merchant_id = ${tx.merchantId}`
    if (statement === 'division') await tx.sql`select 1 / 0 from merchant_settings where merchant_id = ${tx.merchantId}`
    else await tx.sql`update stock_level set allocated = -1 where merchant_id = ${tx.merchantId}`
  })
  await expect(failing).rejects.toMatchObject({ code: statement === 'division' ? '22012' : '23514' })
}

async function theirRequest() {
  const answer = await street.api.call(other.host, { url: '/v1/admin/products', token: other.credentials.access })
  expect(answer.status).toBe(200)
}

async function refusedCheckout() {
  const { id, token } = other.emptyCart
  const headers = { 'cart-token': token, 'idempotency-key': street.freshKey() }
  const payload = { payment_method: 'invoice' }
  const answer = await street.api.call(other.host, { method: 'POST', url: `/v1/carts/${id}/checkout`, headers, payload })
  expect([409, 422]).toContain(answer.status)
}

describe.each([
  ['as it comes', async () => {}, {}],
  ['after a request of theirs', theirRequest, {}],
  ['after a division by zero of theirs', () => failedTransaction('division'), { onlyConnection: true }],
  ['after a broken constraint of theirs', () => failedTransaction('constraint'), { onlyConnection: true }],
  ['after a checkout that they were refused', refusedCheckout, {}],
])("another merchant's belongings, on a connection %s", (_name, before, traces) => {
  beforeAll(() => street.befall(before, traces))
  afterAll(() => street.befall(async () => {}))

  it('answer as if they did not exist, and stay as they are', async () => {
    const naming = street.merchantOperations.filter((operation) => positionsOf(operation).length > 0)
    expect(naming.length).toBeGreaterThan(20)
    await street.expectUnchanged([other], async () => {
      for (const operation of naming) await street.expectAsIfNotThere(operation)
    })
  })

  it('are not to be had with credentials of theirs at a host of ours, nor is anything of ours', async () => {
    await street.expectUnchanged([self, other], async () => {
      for (const operation of street.merchantOperations) await street.expectCredentialsRefused(operation)
    })
  })

  it('are in nothing that we read', async () => {
    await street.expectUnchanged([self, other], async () => {
      for (const operation of street.merchantOperations.filter(({ method }) => method === 'GET')) await street.expectOwnRead(operation)
    })
  })

  it('go on nowhere: their cursors are none of ours', async () => {
    const lists = street.merchantOperations.filter(({ takesCursor }) => takesCursor)
    expect(lists.length).toBeGreaterThan(6)
    for (const operation of lists) await street.expectCursorRefused(operation)
  })

  it('are not meant by a name that we have too', async () => {
    const found = new Set<string>()
    for (const operation of street.merchantOperations.filter(({ method }) => method === 'GET')) {
      for (const name of positionsOf(operation).filter((position) => idsIn(other.values[position]!).size === 0)) {
        await street.expectOwnByName(operation, name)
        found.add(name)
      }
    }
    expect([...found].sort()).toEqual(['code', 'collection', 'email', 'file', 'handle', 'plugin', 'sku', 'tag'])
  })
})

describe('an idempotency key of another merchant', () => {
  it('is free for us, with the same request: two effects, nothing replayed', async () => {
    const operations = street.merchantOperations.filter(({ takesIdempotencyKey }) => takesIdempotencyKey)
    expect(operations.length).toBeGreaterThan(4)
    for (const operation of operations) await street.expectOwnEffect(operation)
  })
})

describe('an e-mail address that staff of both have', () => {
  const signIn = (email: string, password: string) =>
    street.ask(self.host, { method: 'POST', url: '/v1/admin/sessions', headers: {}, payload: { email, password } })

  it('goes with the password of each', async () => {
    const email = self.shared.email!
    expect(email).toBe(other.shared.email)
    const theirs = await signIn(email, other.values.password!)
    expect([theirs.status, theirs.body.type]).toEqual([401, expect.stringMatching(/invalid-credentials$/)])
    expect(faceOf(theirs)).toEqual(faceOf(await signIn('nobody@shop.example', other.values.password!)))
    expect(faceOf(theirs)).toEqual(faceOf(await signIn(other.values.email!, other.values.password!)))
    const own = await signIn(email, PASSWORD)
    expect(own.status).toBe(200)
    expect((await street.api.call(other.host, { url: '/v1/admin/me', token: own.body.access_token })).status).toBe(401)
    expect(PASSWORD.length).toBeGreaterThanOrEqual(PASSWORD_LENGTH_MIN)
  })
})

describe('X-Merchant-Id', () => {
  it("at a merchant's host must be that merchant's", async () => {
    await street.expectUnchanged([self, other], async () => {
      for (const operation of street.merchantOperations) {
        const answer = await street.ask(self.host, naming(operation, other.merchant.id))
        expect([answer.status, answer.body.type], operation.key).toEqual([400, expect.stringMatching(/merchant-mismatch$/)])
      }
    })
  })

  it("at the API's host is needed, and must agree with the credential", async () => {
    await street.expectUnchanged([self, other], async () => {
      for (const operation of street.merchantOperations) {
        const without = await street.ask(API, naming(operation, undefined))
        expect([without.status, without.body.type], operation.key).toEqual([400, expect.stringMatching(/merchant-missing$/)])
        if (!operation.credential) continue
        for (const shop of [self, other]) {
          // It is the other merchant who is spoken to, so its id is in the log; but nothing of its own is answered.
          const answer = await street.api.call(API, naming(operation, other.merchant.id, shop))
          expect([401, 404], operation.key).toContain(answer.status)
          expect(street.secrets.in(JSON.stringify(answer.headers) + answer.text), operation.key).toEqual([])
        }
      }
    })
  })

  it("leads to that merchant alone: another's belongings are not there", async () => {
    await street.expectUnchanged([other], async () => {
      for (const operation of street.merchantOperations)
        await street.expectAsIfNotThere(operation, API, { 'x-merchant-id': self.merchant.id })
    })
  })

  it('has no place at the host of the platform', async () => {
    for (const operation of street.operations.filter(({ audience }) => audience === 'platform')) {
      const answer = await street.ask(PLATFORM, { ...naming(operation, self.merchant.id, self, street.admin) })
      expect([answer.status, answer.body.type], operation.key).toEqual([400, expect.stringMatching(/merchant-mismatch$/)])
    }
  })

  /** A request with our credentials for what is of this shop. */
  function naming(operation: Neighbours['operations'][number], header: string | undefined, { values }: FullShop = self, access?: string) {
    const credentials = access === undefined ? street.credentialsOf(self, operation) : { access }
    const headers: Record<string, string> = header === undefined ? {} : { 'x-merchant-id': header }
    return requestFor(operation, { values, credentials, naming: positionsOf(operation), idempotencyKey: street.freshKey(), headers })
  }
})

describe('the platform', () => {
  it("takes no merchant's credentials, whatever is asked for", async () => {
    await street.expectUnchanged([self, other], async () => {
      for (const operation of street.operations.filter(({ audience, credential }) => audience === 'platform' && credential)) {
        for (const access of [self.credentials.access, self.credentials.apiKey]) {
          const faces = new Set<string>()
          for (const values of [self.values, other.values, street.withNobodys(positionsOf(operation))]) {
            const answer = await street.ask(
              PLATFORM,
              requestFor(operation, { values, credentials: { access }, idempotencyKey: street.freshKey() }),
            )
            expect(answer.status, operation.key).toBe(401)
            faces.add(JSON.stringify(faceOf(answer)))
          }
          expect(faces.size, operation.key).toBe(1)
        }
      }
    })
  })

  it("is not served at a merchant's host, nor a merchant at the platform's", async () => {
    for (const operation of street.operations.filter(({ audience }) => audience !== 'process')) {
      const isPlatforms = operation.audience === 'platform'
      const credentials = isPlatforms ? { access: street.admin } : street.credentialsOf(self, operation)
      const request = requestFor(operation, { values: self.values, credentials, idempotencyKey: street.freshKey() })
      expect((await street.ask(isPlatforms ? self.host : PLATFORM, request)).status, operation.key).toBe(404)
    }
  })

  it("finds nothing of one merchant's under another", async () => {
    const nested = street.operations.filter(({ audience, pathParameters }) => audience === 'platform' && pathParameters.length > 1)
    expect(nested.length).toBeGreaterThan(0)
    await street.expectUnchanged([self, other], async () => {
      for (const operation of nested) {
        for (const name of operation.pathParameters) {
          const asked = [street.withOthers([name]), street.withNobodys([name])].map((values) =>
            requestFor(operation, { values, credentials: { access: street.admin } }),
          )
          const [theirs, unknown] = [await street.ask(PLATFORM, asked[0]!), await street.ask(PLATFORM, asked[1]!)]
          expect(theirs.status, operation.key).toBe(404)
          expect(faceOf(theirs), operation.key).toEqual(faceOf(unknown))
        }
      }
    })
  })
})

describe('the log', () => {
  it("has a line for each of these requests, and in none anything of the other's", async () => {
    const lines = await street.logLines()
    expect(lines.length).toBeGreaterThanOrEqual(street.requests)
    for (const line of lines) {
      expect(street.secrets.in(line), line).toEqual([])
      expect([self.merchant.id, undefined]).toContain(JSON.parse(line).merchant_id)
    }
  })
})
