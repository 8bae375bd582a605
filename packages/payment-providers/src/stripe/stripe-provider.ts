import type {
  AmountAsk,
  Authorization,
  CaptureAsk,
  FindAsk,
  OperationAsk,
  Outcome,
  PaymentProvider,
  ProviderAccount,
  ProviderNotice,
} from '@souk/core/payments/provider.ts'
import type { ProviderStatement, StatementLine } from '@souk/core/reconciliation/statement.ts'
import Stripe from 'stripe'
import { findByOurIds, voidOutcome } from './find-intent.ts'
import { intentParams } from './intent-params.ts'
import { capture } from './stripe-captures.ts'
import { StripeClients } from './stripe-clients.ts'
import { authorizeError, findError, operationError } from './stripe-errors.ts'
import { noticeOf } from './stripe-notices.ts'
import { EXPANDED, intentOutcome } from './stripe-outcomes.ts'
import { refund } from './stripe-refunds.ts'
import { readStatement } from './stripe-statement.ts'

const CALLBACK_TOLERANCE_SECONDS = 300

/** Stripe, by its official library: payment intents, confirmed by us or in the buyer's browser. */
export class StripeProvider implements PaymentProvider, ProviderStatement {
  readonly name = 'stripe'
  readonly secretNames = ['secret_key', 'callback_secret']
  readonly apiBases: readonly string[]
  readonly #clients: StripeClients

  constructor(apiBases: readonly string[]) {
    this.apiBases = apiBases
    this.#clients = new StripeClients(apiBases)
  }

  authorize(account: ProviderAccount, ask: Authorization): Promise<Outcome> {
    return this.#ask(account, authorizeError, async (stripe) => {
      const params = await intentParams(stripe, ask)
      if ('kind' in params) return params
      return intentOutcome(await stripe.paymentIntents.create(params, { idempotencyKey: ask.paymentId }))
    })
  }

  capture(account: ProviderAccount, ask: CaptureAsk): Promise<Outcome> {
    return this.#ask(account, operationError, (stripe) => capture(stripe, ask))
  }

  void(account: ProviderAccount, { operationId, reference }: OperationAsk): Promise<Outcome> {
    return this.#ask(account, operationError, async (stripe) => {
      const canceled = await stripe.paymentIntents.cancel(reference, { expand: EXPANDED }, { idempotencyKey: operationId })
      return voidOutcome(canceled)
    })
  }

  refund(account: ProviderAccount, ask: AmountAsk): Promise<Outcome> {
    return this.#ask(account, operationError, (stripe) => refund(stripe, ask))
  }

  find(account: ProviderAccount, ask: FindAsk): Promise<Outcome> {
    return this.#ask(account, findError, (stripe) => findByOurIds(stripe, ask))
  }

  readCallback(
    account: ProviderAccount,
    callback: { headers: Record<string, string>; rawBody: string },
    now: Date,
  ): ProviderNotice | undefined {
    const { 'stripe-signature': signature } = callback.headers
    const secret = account.secrets.callback_secret ?? ''
    // An empty secret would sign for everybody.
    if (signature === undefined || secret === '' || isAhead(signature, now)) return undefined
    const { webhooks } = this.#clients.of(account)
    try {
      const event = webhooks.constructEvent(callback.rawBody, signature, secret, CALLBACK_TOLERANCE_SECONDS, undefined, now.getTime())
      return noticeOf(event)
    } catch (error) {
      if (error instanceof Stripe.errors.StripeSignatureVerificationError || error instanceof SyntaxError) return undefined
      throw error
    }
  }

  read(account: ProviderAccount, period: { from: Date; until: Date }): Promise<StatementLine[]> {
    return readStatement(this.#clients.of(account), period)
  }

  /** The library knows no signal: whoever asks stops waiting by themselves, and the call ends at its own deadline. */
  async #ask(account: ProviderAccount, failed: (error: unknown) => Outcome, call: (stripe: Stripe) => Promise<Outcome>): Promise<Outcome> {
    try {
      return await call(this.#clients.of(account))
    } catch (error) {
      return failed(error)
    }
  }
}

/** The library looks at how old a signature is, but takes one from the future. */
function isAhead(signature: string, now: Date): boolean {
  const seconds = Number(/(?:^|,)t=(\d+)/.exec(signature)?.[1] ?? Number.NaN)
  return !(seconds * 1000 - now.getTime() <= CALLBACK_TOLERANCE_SECONDS * 1000)
}
