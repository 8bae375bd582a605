import type { TokenKeys } from '@souk/core/capability.ts'
import { type Cart, loadCart } from '@souk/core/cart/cart.ts'
import { addLines, createCart, removeLine, setLineQuantity, updateCart } from '@souk/core/cart/change-cart.ts'
import { checkout } from '@souk/core/checkout/checkout.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import type { Order } from '@souk/core/orders/order.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Problem } from '../errors.ts'
import { sendStored, withToken } from '../stored-answer.ts'
import {
  cartDetailsSchema,
  cartSchema,
  createdCartSchema,
  newCartSchema,
  newLineSchema,
  presentCart,
  quantitySchema,
  readDetails,
} from '../wire/cart.ts'
import { idSchema } from '../wire/id.ts'
import { givenMoneySchema, moneySchema, presentMoney } from '../wire/money.ts'
import { placedOrderSchema, presentOrder } from '../wire/order.ts'

const cartParams = z.strictObject({ cart_id: idSchema })
const lineParams = z.strictObject({ cart_id: idSchema, line_id: idSchema })

const checkoutSchema = z.strictObject({
  payment_method: z.enum(['invoice', 'cash_on_delivery']),
  expected_total: givenMoneySchema.optional(),
})
const shippingOptionsSchema = z.strictObject({ data: z.array(z.strictObject({ code: z.string(), name: z.string(), amount: moneySchema })) })

/** The buyer's way from an empty cart to an order. */
export function cartRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/carts',
    {
      config: { gate: 'store', idempotency: 'accepted', summary: 'Open a cart' },
      schema: { body: newCartSchema, response: { 201: createdCartSchema } },
    },
    async (request, reply) => {
      const { body, now, idempotency } = request
      const lines = body.lines.map(readLine)
      const answer = await request.inMerchant((tx) =>
        once(tx, idempotency, async () => {
          const cart = await createCart(tx, { lines, details: readDetails(body), now })
          return { statusCode: 201, body: JSON.stringify(presentCart(cart)) }
        }),
      )
      return sendStored(reply, withToken(answer, keys, request.inMerchant.merchant.id, 'cart'))
    },
  )

  app.get(
    '/v1/carts/:cart_id',
    {
      config: { gate: 'store', capability: 'cart', summary: 'Read a cart, priced as of now' },
      schema: { params: cartParams, response: { 200: cartSchema } },
    },
    async (request) => presentCart(await request.inMerchant.read((tx) => loadCart(tx, request.params.cart_id))),
  )

  app.patch(
    '/v1/carts/:cart_id',
    {
      config: { gate: 'store', capability: 'cart', summary: 'Say who buys, and where it goes' },
      schema: { params: cartParams, body: cartDetailsSchema, response: { 200: cartSchema } },
    },
    async (request) => presentCart(await request.inMerchant((tx) => updateCart(tx, request.params.cart_id, readDetails(request.body)))),
  )

  app.get(
    '/v1/carts/:cart_id/shipping-options',
    {
      config: { gate: 'store', capability: 'cart', summary: 'How the cart can be sent' },
      schema: { params: cartParams, response: { 200: shippingOptionsSchema } },
    },
    async (request) => presentOptions(await request.inMerchant.read((tx) => loadCart(tx, request.params.cart_id))),
  )

  lineRoutes(fastify)
  checkoutRoute(fastify, keys)
}

function lineRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/carts/:cart_id/lines',
    {
      config: { gate: 'store', capability: 'cart', idempotency: 'accepted', summary: 'Add units of a variant' },
      schema: { params: cartParams, body: newLineSchema, response: { 200: cartSchema } },
    },
    async (request, reply) => {
      const given = { lines: [readLine(request.body)], now: request.now }
      const answer = await request.inMerchant((tx) =>
        once(tx, request.idempotency, async () => {
          const cart = await addLines(tx, request.params.cart_id, given)
          return { statusCode: 200, body: JSON.stringify(presentCart(cart)) }
        }),
      )
      return sendStored(reply, answer)
    },
  )

  app.patch(
    '/v1/carts/:cart_id/lines/:line_id',
    {
      config: { gate: 'store', capability: 'cart', summary: 'Set the quantity of a line' },
      schema: { params: lineParams, body: z.strictObject({ quantity: quantitySchema }), response: { 200: cartSchema } },
    },
    async (request) => {
      const given = { lineId: request.params.line_id, quantity: BigInt(request.body.quantity) }
      return presentCart(await request.inMerchant((tx) => setLineQuantity(tx, request.params.cart_id, given)))
    },
  )

  app.delete(
    '/v1/carts/:cart_id/lines/:line_id',
    {
      config: { gate: 'store', capability: 'cart', summary: 'Take a line out' },
      schema: { params: lineParams, response: { 200: cartSchema } },
    },
    async (request) => presentCart(await request.inMerchant((tx) => removeLine(tx, request.params.cart_id, request.params.line_id))),
  )
}

function checkoutRoute(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/carts/:cart_id/checkout',
    {
      config: { gate: 'store', capability: 'cart', idempotency: 'required', summary: 'Turn the cart into an order' },
      schema: { params: cartParams, body: checkoutSchema, response: { 201: placedOrderSchema } },
    },
    async (request, reply) => {
      const { body, now, idempotency, inMerchant } = request
      if (!idempotency) throw new Problem('idempotency_key_missing')
      const answer = (order: Order) => ({ statusCode: 201, body: JSON.stringify(presentOrder(order)) })
      const answered = await inMerchant((tx) =>
        checkout(tx, {
          cartId: request.params.cart_id,
          paymentMethod: body.payment_method,
          expectedTotal: body.expected_total && { amount: BigInt(body.expected_total.amount), currency: body.expected_total.currency },
          idempotency,
          now,
          answer,
        }),
      )
      return sendStored(reply, withToken(answered, keys, inMerchant.merchant.id, 'order'))
    },
  )
}

function readLine(line: z.output<typeof newLineSchema>): { variantId: string; quantity: bigint } {
  return { variantId: line.variant_id, quantity: BigInt(line.quantity) }
}

function presentOptions(cart: Cart): z.input<typeof shippingOptionsSchema> {
  const { shipping } = cart.pricingInput
  return { data: shipping ? [{ code: shipping.code, name: shipping.name, amount: presentMoney(shipping.amount, cart.currency) }] : [] }
}
