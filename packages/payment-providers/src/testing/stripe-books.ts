import { randomBytes } from 'node:crypto'
import { type Form, groupOf, textOf, textsOf } from './stripe-form.ts'

/** An error as Stripe writes it. */
export class WireError extends Error {
  readonly status: number
  readonly body: object

  constructor(status: number, body: { type: string; message: string; [name: string]: unknown }) {
    super(body.message)
    this.status = status
    this.body = body
  }
}

interface Intent {
  id: string
  object: 'payment_intent'
  amount: number
  amount_capturable: number
  amount_received: number
  currency: string
  status: string
  capture_method: string
  client_secret: string
  metadata: Record<string, string>
  customer: string | null
  payment_method: object | string | null
  setup_future_usage: string | null
  next_action: object | null
  last_payment_error: object | null
  latest_charge: { id: string; object: 'charge'; status: string } | null
  created: number
}

interface Refund {
  id: string
  object: 'refund'
  amount: number
  currency: string
  status: string
  payment_intent: string
  metadata: Record<string, string>
  created: number
}

const CARDS: Record<string, { decline?: string; code?: string; action?: boolean }> = {
  pm_card_visa: {},
  tok_visa: {},
  pm_card_chargeDeclinedInsufficientFunds: { code: 'card_declined', decline: 'insufficient_funds' },
  pm_card_chargeDeclinedFraudulent: { code: 'card_declined', decline: 'fraudulent' },
  pm_card_chargeDeclinedExpiredCard: { code: 'expired_card', decline: 'expired_card' },
  pm_card_chargeDeclinedIncorrectCvc: { code: 'incorrect_cvc', decline: 'incorrect_cvc' },
  pm_card_authenticationRequired: { action: true },
}

/** Payments, refunds and customers, and what may be done with them. */
export class StripeBooks {
  readonly intents: Intent[] = []
  readonly refunds: Refund[] = []
  readonly customers: { id: string; object: 'customer'; metadata: Record<string, string> }[] = []
  /** Set to answer refunds as not done yet, or as failed. */
  refundStatus = 'succeeded'
  /** Not every account, nor every card, allows several captures of one payment. */
  allowsMulticapture = true
  /** For payments made now, in seconds. */
  now = () => Math.floor(Date.now() / 1000)

  perform(method: string, path: string, form: Form): unknown {
    const [, , resource, id, verb] = path.split('/')
    if (resource === 'payment_intents') return this.#intents(method, form, id, verb)
    if (resource === 'refunds') return method === 'POST' ? this.#refund(form) : this.#listRefunds(form)
    if (resource === 'customers') return id === 'search' ? this.#searchCustomers(form) : this.#addCustomer(form)
    if (resource === 'balance_transactions') return list(this.#movements(), form, path)
    throw notFound(`Unrecognized request URL (${method}: ${path}).`)
  }

  intentOf(paymentId: string): Intent | undefined {
    return this.intents.find(({ metadata }) => metadata.souk_payment_id === paymentId)
  }

  /** The buyer has proved who they are, or has not. */
  authenticate(intent: Intent, proved: boolean): void {
    if (proved) charge(intent)
    else fail(intent, { code: 'payment_intent_authentication_failure' })
  }

  #intents(method: string, form: Form, id: string | undefined, verb: string | undefined): unknown {
    if (id === undefined) return method === 'POST' ? this.#createIntent(form) : this.#listIntents(form)
    const intent = this.intents.find((one) => one.id === id)
    if (intent === undefined) throw notFound(`No such payment_intent: '${id}'`)
    if (verb === 'capture') return capture(intent, form, this.allowsMulticapture)
    if (verb === 'cancel') return cancel(intent)
    return intent
  }

  #createIntent(form: Form): Intent {
    const method = textOf(form, 'payment_method') ?? textOf(groupOf(groupOf(form, 'payment_method_data'), 'card'), 'token')
    const card = CARDS[method ?? '']
    const known = method === undefined || card !== undefined || method.startsWith('pm_saved')
    if (!known)
      throw new WireError(400, { type: 'invalid_request_error', code: 'resource_missing', message: `No such PaymentMethod: '${method}'` })
    const intent = this.#newIntent(form, method)
    this.intents.push(intent)
    if (textOf(form, 'confirm') !== 'true') return intent
    if (card?.action === true && textOf(form, 'off_session') === 'true') {
      fail(intent, { code: 'authentication_required', decline_code: 'authentication_required' })
      throw cardError(intent)
    }
    if (card?.action === true) {
      const url = `https://hooks.stripe.example/3d_secure/${intent.id}`
      const redirects = textOf(form, 'return_url') !== undefined
      intent.next_action = redirects ? { type: 'redirect_to_url', redirect_to_url: { url } } : { type: 'use_stripe_sdk' }
      intent.status = 'requires_action'
      return intent
    }
    if (card?.code !== undefined) {
      fail(intent, { code: card.code, decline_code: card.decline })
      throw cardError(intent)
    }
    charge(intent)
    return intent
  }

  #newIntent(form: Form, method: string | undefined): Intent {
    const id = newId('pi')
    const shown = { brand: 'visa', last4: '4242', exp_month: 12, exp_year: 2039 }
    return {
      id,
      object: 'payment_intent',
      amount: Number(textOf(form, 'amount')),
      amount_capturable: 0,
      amount_received: 0,
      currency: textOf(form, 'currency') ?? '',
      status: 'requires_payment_method',
      capture_method: textOf(form, 'capture_method') ?? 'automatic',
      client_secret: `${id}_secret_x`,
      metadata: textsOf(groupOf(form, 'metadata')),
      customer: textOf(form, 'customer') ?? null,
      payment_method: method === undefined ? null : { id: `pm_saved${randomBytes(4).toString('hex')}`, type: 'card', card: shown },
      setup_future_usage: textOf(form, 'setup_future_usage') ?? null,
      next_action: null,
      last_payment_error: null,
      latest_charge: null,
      created: this.now(),
    }
  }

  #listIntents(form: Form): unknown {
    const created = groupOf(form, 'created')
    const [from, to] = [Number(textOf(created, 'gte')), Number(textOf(created, 'lte'))]
    const newestFirst = this.intents.filter((intent) => intent.created >= from && intent.created <= to).reverse()
    return list(newestFirst, form, '/v1/payment_intents')
  }

  #refund(form: Form): Refund {
    const intent = this.intents.find(({ id }) => id === textOf(form, 'payment_intent'))
    if (intent === undefined) throw notFound('No such payment_intent')
    const amount = Number(textOf(form, 'amount'))
    const refunded = this.refunds.filter(({ payment_intent: id }) => id === intent.id).reduce((sum, one) => sum + one.amount, 0)
    if (refunded + amount > intent.amount_received) {
      const message = `Refund amount (${amount}) is greater than unrefunded amount on charge`
      throw new WireError(400, { type: 'invalid_request_error', code: 'charge_already_refunded', message })
    }
    const refund: Refund = {
      id: newId('re'),
      object: 'refund',
      amount,
      currency: intent.currency,
      status: this.refundStatus,
      payment_intent: intent.id,
      metadata: textsOf(groupOf(form, 'metadata')),
      created: this.now(),
    }
    this.refunds.push(refund)
    return refund
  }

  #listRefunds(form: Form): unknown {
    const of = this.refunds.filter(({ payment_intent: id }) => id === textOf(form, 'payment_intent'))
    return list(of, form, '/v1/refunds')
  }

  #addCustomer(form: Form): unknown {
    const customer = { id: newId('cus'), object: 'customer' as const, metadata: textsOf(groupOf(form, 'metadata')) }
    this.customers.push(customer)
    return customer
  }

  #searchCustomers(form: Form): unknown {
    const [, name, value] = /^metadata\['(\w+)'\]:'([^']*)'$/.exec(textOf(form, 'query') ?? '') ?? []
    return { object: 'search_result', data: this.customers.filter(({ metadata }) => metadata[name!] === value), has_more: false }
  }

  #movements(): { id: string; type: string; created: number; source: object | null }[] {
    const charges = this.intents.filter(({ amount_received: received }) => received > 0)
    return [
      ...charges.map((intent) => ({
        id: newId('txn'),
        type: 'charge',
        created: intent.created,
        source: {
          id: intent.latest_charge!.id,
          amount_captured: intent.amount_received,
          currency: intent.currency,
          metadata: intent.metadata,
        },
      })),
      ...this.refunds.map((refund) => ({ id: newId('txn'), type: 'refund', created: refund.created, source: refund })),
      { id: newId('txn'), type: 'payout', created: this.now(), source: null },
    ]
  }
}

function charge(intent: Intent): void {
  intent.latest_charge = { id: newId('ch'), object: 'charge', status: 'succeeded' }
  intent.next_action = null
  if (intent.capture_method === 'manual') {
    intent.status = 'requires_capture'
    intent.amount_capturable = intent.amount
  } else {
    intent.status = 'succeeded'
    intent.amount_received = intent.amount
  }
}

function fail(intent: Intent, error: object): void {
  intent.status = 'requires_payment_method'
  intent.next_action = null
  intent.last_payment_error = { type: 'card_error', message: 'Your card was declined.', ...error }
}

function cardError(intent: Intent): WireError {
  return new WireError(402, { ...(intent.last_payment_error as { type: string; message: string }), payment_intent: intent })
}

function capture(intent: Intent, form: Form, allowsMulticapture: boolean): Intent {
  if (intent.status !== 'requires_capture') throw unexpected(intent, 'captured')
  if (textOf(form, 'final_capture') === 'false' && !allowsMulticapture) {
    const message = 'The parameter `final_capture` can only be used when multicapture is available for this PaymentIntent.'
    throw new WireError(400, { type: 'invalid_request_error', code: 'parameter_unknown', param: 'final_capture', message })
  }
  const amount = Number(textOf(form, 'amount_to_capture') ?? intent.amount_capturable)
  if (amount > intent.amount_capturable) {
    const message = `The payment could not be captured because the requested capture amount is greater than ${intent.amount_capturable}.`
    throw new WireError(400, { type: 'invalid_request_error', code: 'amount_too_large', message })
  }
  Object.assign(intent.metadata, textsOf(groupOf(form, 'metadata')))
  intent.amount_received += amount
  intent.amount_capturable -= amount
  if (textOf(form, 'final_capture') === 'false' && intent.amount_capturable > 0) return intent
  intent.amount_capturable = 0
  intent.status = 'succeeded'
  return intent
}

function cancel(intent: Intent): Intent {
  if (intent.status === 'succeeded' || intent.status === 'canceled') throw unexpected(intent, 'canceled')
  intent.amount_capturable = 0
  intent.status = intent.amount_received > 0 ? 'succeeded' : 'canceled'
  return intent
}

function unexpected(intent: Intent, verb: string): WireError {
  const message = `This PaymentIntent could not be ${verb} because it has a status of ${intent.status}.`
  return new WireError(400, { type: 'invalid_request_error', code: 'payment_intent_unexpected_state', message, payment_intent: intent })
}

function notFound(message: string): WireError {
  return new WireError(404, { type: 'invalid_request_error', code: 'resource_missing', message })
}

function list(all: { id: string }[], form: Form, url: string): unknown {
  const after = all.findIndex(({ id }) => id === textOf(form, 'starting_after')) + 1
  const limit = Number(textOf(form, 'limit') ?? 10)
  return { object: 'list', url, data: all.slice(after, after + limit), has_more: all.length > after + limit }
}

function newId(prefix: string): string {
  return `${prefix}_${randomBytes(8).toString('hex')}`
}
