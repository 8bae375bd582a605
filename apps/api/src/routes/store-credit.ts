import type { TokenKeys } from '@souk/core/capability.ts'
import { getCustomer } from '@souk/core/customers/customer.ts'
import { changeStoreCredit, storeCreditOf } from '@souk/core/gift-cards/store-credit.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import { storeCredit } from '@souk/core/ledger/accounts.ts'
import type { Money } from '@souk/core/money.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import { idSchema } from '../wire/id.ts'
import { entrySchema } from '../wire/ledger.ts'
import { moneySchema, presentMoney } from '../wire/money.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { currencySchema, proseSchema } from '../wire/text.ts'
import { statementPage } from './ledger-page.ts'

const REASON_BYTES_MAX = 1_000
const AMOUNT_MAX = 1_000_000_000_000

const params = z.strictObject({ customer_id: idSchema })
const changeSchema = z.strictObject({
  change: z
    .strictObject({
      amount: z.int().min(-AMOUNT_MAX, 'amount_out_of_range').max(AMOUNT_MAX, 'amount_out_of_range'),
      currency: currencySchema,
    })
    .meta({ description: 'Above zero is granted, below is withdrawn.' }),
  reason: proseSchema(REASON_BYTES_MAX).default(''),
})

const creditSchema = z.strictObject({ data: z.array(moneySchema) })

/** What the merchant owes its customers, and they may spend. */
export function storeCreditRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/customers/me/store-credit',
    {
      config: { gate: 'store', customer: 'required', summary: 'What the customer has in store credit, by currency' },
      schema: { response: { 200: creditSchema } },
    },
    async ({ inMerchant, customer }) => present(await inMerchant.read((tx) => storeCreditOf(tx, customer!.id))),
  )

  app.get(
    '/v1/admin/customers/:customer_id/store-credit',
    {
      config: { gate: 'staff', scopes: ['gift_cards:read'], summary: 'What a customer has in store credit, by currency' },
      schema: { params, response: { 200: creditSchema } },
    },
    async ({ inMerchant, params: { customer_id } }) =>
      present(
        await inMerchant.read(async (tx) => {
          await getCustomer(tx, customer_id)
          return storeCreditOf(tx, customer_id)
        }),
      ),
  )

  app.post(
    '/v1/admin/customers/:customer_id/store-credit',
    {
      config: {
        gate: 'staff',
        scopes: ['gift_cards:write'],
        idempotency: 'required',
        summary: 'Grant a customer store credit, or withdraw some',
      },
      schema: { params, body: changeSchema, response: { 201: z.strictObject({ balance: moneySchema }) } },
    },
    async ({ inMerchant, params: { customer_id: customerId }, body, principal: { actor }, now, idempotency }, reply) => {
      const change = { amount: BigInt(body.change.amount), currency: body.change.currency }
      const answer = await inMerchant((tx) =>
        once(tx, idempotency, async () => {
          const { amount, currency } = await changeStoreCredit(tx, { customerId, change, reason: body.reason, actor, now })
          return { statusCode: 201, body: JSON.stringify({ balance: presentMoney(amount, currency) }) }
        }),
      )
      return sendStored(reply, answer)
    },
  )

  app.get(
    '/v1/admin/customers/:customer_id/store-credit/history',
    {
      config: { gate: 'staff', scopes: ['gift_cards:read'], summary: 'What a customer was granted and has spent, the newest first' },
      schema: {
        params,
        querystring: z.strictObject({ ...pageQuery, currency: currencySchema }),
        response: { 200: pageOf(entrySchema) },
      },
    },
    async ({ inMerchant, params: { customer_id }, query: { currency, ...page } }) => {
      await inMerchant.read((tx) => getCustomer(tx, customer_id))
      return statementPage(inMerchant, keys, { code: storeCredit(customer_id).code, currency }, page)
    },
  )
}

function present(credit: readonly Money[]): z.input<typeof creditSchema> {
  return { data: credit.map(({ amount, currency }) => presentMoney(amount, currency)) }
}
