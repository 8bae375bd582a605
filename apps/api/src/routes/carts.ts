import { answerChange } from '@souk/core/cart/answer-change.ts'
import type { Cart } from '@souk/core/cart/cart.ts'
import { addCoupon, removeCoupon } from '@souk/core/cart/cart-coupons.ts'
import { addLines, type CartDetails, createCart, removeLine, setLineQuantity, updateCart } from '@souk/core/cart/change-cart.ts'
import { type LinesWanted, withHotLines } from '@souk/core/cart/with-hot-lines.ts'
import { readCart } from '@souk/core/cart/with-plugins.ts'
import { checkout } from '@souk/core/checkout/checkout.ts'
import { GIFT_CARDS_MAX } from '@souk/core/checkout/plan-payment.ts'
import { readCustomerToken } from '@souk/core/customers/customer-token.ts'
import { newId } from '@souk/core/ids.ts'
import { MANUAL_METHODS } from '@souk/core/orders/order-payment.ts'
import { shippingOptions } from '@souk/core/pricing/shipping-options.ts'
import type { Shop } from '@souk/core/quote/ask-plugins.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Problem } from '../errors.ts'
import { answerPaidOrder } from '../payment-answer.ts'
import type { Deps } from '../server.ts'
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
import { givenMoneySchema } from '../wire/money.ts'
import { placedOrderSchema } from '../wire/order.ts'
import { paymentWishSchema, readWish } from '../wire/payment.ts'
import { presentShippingOption, shippingOptionSchema } from '../wire/shipping-option.ts'

type CartDeps = Pick<Deps, 'payments' | 'plugins' | 'tokenKeys' | 'giftCardAttempts'>

const CODE_LENGTH_MAX = 256

const cartParams = z.strictObject({ cart_id: idSchema })
const lineParams = z.strictObject({ cart_id: idSchema, line_id: idSchema })
const codeSchema = z.string().min(1).max(CODE_LENGTH_MAX, 'text_too_long')
const couponParams = z.strictObject({ cart_id: idSchema, code: codeSchema })

const GIFT_CARD_CODE_LENGTH_MAX = 64

const checkoutSchema = z.strictObject({
  payment_method: z.enum(MANUAL_METHODS).optional().meta({ description: 'Paid by hand. Instead of `payment`.' }),
  payment: paymentWishSchema.optional().meta({ description: 'Paid through a provider.' }),
  gift_cards: z
    .array(z.string().min(1).max(GIFT_CARD_CODE_LENGTH_MAX, 'text_too_long'))
    .max(GIFT_CARDS_MAX, 'too_many')
    .default([])
    .meta({ description: 'Codes; they pay first, as much as is on them.' }),
  use_store_credit: z.boolean().default(false).meta({ description: 'The customer’s store credit pays next.' }),
  expected_total: givenMoneySchema.optional(),
})

/** The buyer's way from an empty cart to an order. */
export function cartRoutes(fastify: FastifyInstance, deps: CartDeps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const { tokenKeys } = deps

  app.post(
    '/v1/carts',
    {
      config: { gate: 'store', customer: 'optional', idempotency: 'accepted', summary: 'Open a cart; a signed-in customer’s is theirs' },
      schema: { body: newCartSchema, response: { 201: createdCartSchema } },
    },
    async (request, reply) => {
      const { body, now } = request
      const given = {
        cartId: newId(now),
        lines: body.lines.map(readLine),
        details: ofSignedIn(request, readDetails(body, customerOf(request, deps))),
        channel: body.channel,
        now,
      }
      const lines = { cartId: given.cartId, added: given.lines, now }
      const answer = await change(request, deps, { statusCode: 201, change: (tx) => createCart(tx, given), lines })
      return sendStored(reply, withToken(answer, tokenKeys, request.inMerchant.merchant.id, 'cart'))
    },
  )

  app.get(
    '/v1/carts/:cart_id',
    {
      config: { gate: 'store', capability: 'cart', summary: 'Read a cart, priced as of now' },
      schema: { params: cartParams, response: { 200: cartSchema } },
    },
    async (request) => presentCart(await readCart(shopOf(request, deps), request.params.cart_id, request.now)),
  )

  app.patch(
    '/v1/carts/:cart_id',
    {
      config: { gate: 'store', capability: 'cart', customer: 'optional', summary: 'Say who buys, and where it goes' },
      schema: { params: cartParams, body: cartDetailsSchema, response: { 200: cartSchema } },
    },
    async (request, reply) => {
      const { body, now, params } = request
      const given = { details: ofSignedIn(request, readDetails(body, customerOf(request, deps))), now }
      return sendStored(reply, await change(request, deps, { change: (tx) => updateCart(tx, params.cart_id, given) }))
    },
  )

  app.get(
    '/v1/carts/:cart_id/shipping-options',
    {
      config: { gate: 'store', capability: 'cart', summary: 'How the cart can be sent, and why not' },
      schema: { params: cartParams, response: { 200: z.strictObject({ data: z.array(shippingOptionSchema) }) } },
    },
    async (request) => {
      const { pricingInput, pricing, currency } = await readCart(shopOf(request, deps), request.params.cart_id, request.now)
      return { data: shippingOptions(pricingInput, pricing.rules).map((option) => presentShippingOption(option, currency)) }
    },
  )

  lineRoutes(fastify, deps)
  couponRoutes(fastify, deps)
  checkoutRoute(fastify, deps)
}

function lineRoutes(fastify: FastifyInstance, deps: CartDeps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/carts/:cart_id/lines',
    {
      config: { gate: 'store', capability: 'cart', idempotency: 'accepted', summary: 'Add units of a variant' },
      schema: { params: cartParams, body: newLineSchema, response: { 200: cartSchema } },
    },
    async (request, reply) => {
      const { now } = request
      const cartId = request.params.cart_id
      const added = [readLine(request.body)]
      const changed = { change: (tx: Tx) => addLines(tx, cartId, { lines: added, now }), lines: { cartId, added, now } }
      return sendStored(reply, await change(request, deps, changed))
    },
  )

  app.patch(
    '/v1/carts/:cart_id/lines/:line_id',
    {
      config: { gate: 'store', capability: 'cart', summary: 'Set the quantity of a line' },
      schema: { params: lineParams, body: z.strictObject({ quantity: quantitySchema }), response: { 200: cartSchema } },
    },
    async (request, reply) => {
      const { now } = request
      const cartId = request.params.cart_id
      const set = { lineId: request.params.line_id, quantity: BigInt(request.body.quantity) }
      const changed = { change: (tx: Tx) => setLineQuantity(tx, cartId, { ...set, now }), lines: { cartId, set, now } }
      return sendStored(reply, await change(request, deps, changed))
    },
  )

  app.delete(
    '/v1/carts/:cart_id/lines/:line_id',
    {
      config: { gate: 'store', capability: 'cart', summary: 'Take a line out' },
      schema: { params: lineParams, response: { 200: cartSchema } },
    },
    async (request, reply) => {
      const given = { lineId: request.params.line_id, now: request.now }
      return sendStored(reply, await change(request, deps, { change: (tx) => removeLine(tx, request.params.cart_id, given) }))
    },
  )
}

function couponRoutes(fastify: FastifyInstance, deps: CartDeps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/carts/:cart_id/coupons',
    {
      config: { gate: 'store', capability: 'cart', idempotency: 'accepted', summary: 'Enter a coupon code' },
      schema: { params: cartParams, body: z.strictObject({ code: codeSchema }), response: { 200: cartSchema } },
    },
    async (request, reply) => {
      const given = { code: request.body.code, now: request.now }
      return sendStored(reply, await change(request, deps, { change: (tx) => addCoupon(tx, request.params.cart_id, given) }))
    },
  )

  app.delete(
    '/v1/carts/:cart_id/coupons/:code',
    {
      config: { gate: 'store', capability: 'cart', summary: 'Take a coupon code out' },
      schema: { params: couponParams, response: { 200: cartSchema } },
    },
    async (request, reply) => {
      const given = { code: request.params.code, now: request.now }
      return sendStored(reply, await change(request, deps, { change: (tx) => removeCoupon(tx, request.params.cart_id, given) }))
    },
  )
}

function checkoutRoute(fastify: FastifyInstance, deps: CartDeps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/carts/:cart_id/checkout',
    {
      config: { gate: 'store', capability: 'cart', idempotency: 'required', summary: 'Turn the cart into an order' },
      schema: { params: cartParams, body: checkoutSchema, response: { 201: placedOrderSchema, 202: placedOrderSchema } },
    },
    async (request, reply) => {
      const { body, now, idempotency, inMerchant } = request
      if (!idempotency) throw new Problem('idempotency_key_missing')
      const shop = { ...shopOf(request, deps), payments: deps.payments, giftCardKeys: deps.tokenKeys }
      const given = {
        cartId: request.params.cart_id,
        paymentMethod: body.payment_method,
        payment: body.payment && readWish(body.payment),
        giftCards: body.gift_cards,
        useStoreCredit: body.use_store_credit,
        expectedTotal: body.expected_total && { amount: BigInt(body.expected_total.amount), currency: body.expected_total.currency },
        idempotency,
        now,
        answer: answerPaidOrder,
      }
      const buy = () => checkout(shop, given)
      const answered = await (body.gift_cards?.length ? deps.giftCardAttempts.attempt(request, buy) : buy())
      return sendStored(reply, withToken(answered, deps.tokenKeys, inMerchant.merchant.id, 'order'))
    },
  )
}

/** Changes a cart and answers it, once per key where there is one. `lines`: what of them changes. */
function change(
  request: FastifyRequest,
  deps: CartDeps,
  given: { change: (tx: Tx) => Promise<Cart>; statusCode?: number; lines?: LinesWanted },
) {
  const { idempotency, now } = request
  const answer = (cart: Cart) => ({ statusCode: given.statusCode ?? 200, body: JSON.stringify(presentCart(cart)) })
  const shop = shopOf(request, deps)
  const once = () => answerChange(shop, { idempotency, now, change: given.change, answer })
  return given.lines ? withHotLines(shop.inMerchant, given.lines, once) : once()
}

function shopOf({ inMerchant }: Pick<FastifyRequest, 'inMerchant'>, { plugins }: CartDeps): Shop {
  return { inMerchant, plugins }
}

/** A cart that a signed-in customer opens or changes is theirs, unless the request says whose it is. */
function ofSignedIn({ customer }: Pick<FastifyRequest, 'customer'>, details: CartDetails): CartDetails {
  return customer && details.customerId === undefined ? { ...details, customerId: customer.id } : details
}

function customerOf({ inMerchant, now }: Pick<FastifyRequest, 'inMerchant' | 'now'>, { tokenKeys }: CartDeps) {
  return (token: string) => readCustomerToken(tokenKeys, inMerchant.merchant.id, token, now)
}

function readLine(line: z.output<typeof newLineSchema>): { variantId: string; quantity: bigint } {
  return { variantId: line.variant_id, quantity: BigInt(line.quantity) }
}
