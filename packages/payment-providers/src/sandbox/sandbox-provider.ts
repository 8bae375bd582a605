import type {
  AmountAsk,
  Authorization,
  CaptureAsk,
  FindAsk,
  OperationAsk,
  OperationKind,
  Outcome,
  PaymentProvider,
  ProviderAccount,
  ProviderNotice,
} from '@souk/core/payments/provider.ts'
import type { ProviderStatement, StatementLine } from '@souk/core/reconciliation/statement.ts'
import { readSandboxCallback } from './sandbox-callback.ts'
import { type Answer, type Call, SandboxClient } from './sandbox-client.ts'
import { answeredOutcome, authorizeOutcome, lookupOutcome, operationOutcome } from './sandbox-outcomes.ts'
import { movementsWire } from './sandbox-wire.ts'

/** The payment provider of our own (packages/sandbox-psp): it moves no money and fails in every way there is, when told to. */
export class SandboxProvider implements PaymentProvider, ProviderStatement {
  readonly name = 'sandbox'
  readonly movesNoMoney = true
  readonly secretNames = ['api_key', 'callback_secret']
  readonly apiBases: readonly string[]
  readonly #client: SandboxClient

  constructor(apiBases: readonly string[]) {
    this.apiBases = apiBases
    this.#client = new SandboxClient(apiBases)
  }

  authorize(account: ProviderAccount, ask: Authorization, signal: AbortSignal): Promise<Outcome> {
    const json = {
      payment_id: ask.paymentId,
      order_number: ask.orderId,
      amount: Number(ask.amount),
      currency: ask.currency,
      capture: ask.capture,
      token: ask.token,
      saved_method: ask.savedMethod,
      off_session: ask.offSession,
      save_method: ask.save && ask.customerReference !== null,
      customer: ask.customerReference,
      return_url: ask.returnUrl,
    }
    const call = { method: 'POST', path: '/v1/payments', idempotencyKey: ask.paymentId, json } as const
    return this.#ask(account, call, signal, (answer) => authorizeOutcome(answer, ask.paymentId))
  }

  capture(account: ProviderAccount, ask: CaptureAsk, signal: AbortSignal): Promise<Outcome> {
    const { amount, currency, final } = ask
    return this.#operate(account, 'capture', ask, { amount: Number(amount), currency, final }, signal)
  }

  void(account: ProviderAccount, ask: OperationAsk, signal: AbortSignal): Promise<Outcome> {
    return this.#operate(account, 'void', ask, {}, signal)
  }

  refund(account: ProviderAccount, ask: AmountAsk, signal: AbortSignal): Promise<Outcome> {
    const { amount, currency } = ask
    return this.#operate(account, 'refund', ask, { amount: Number(amount), currency }, signal)
  }

  find(account: ProviderAccount, { paymentId, operation }: FindAsk, signal: AbortSignal): Promise<Outcome> {
    if (operation === undefined) {
      const path = `/v1/payments?payment_id=${encodeURIComponent(paymentId)}`
      return this.#ask(account, { method: 'GET', path }, signal, (answer) => lookupOutcome(answer, paymentId))
    }
    const path = `/v1/operations/${encodeURIComponent(operation.operationId)}`
    return this.#ask(account, { method: 'GET', path }, signal, (answer) => answeredOutcome(answer, operation))
  }

  readCallback(
    account: ProviderAccount,
    callback: { headers: Record<string, string>; rawBody: string },
    now: Date,
  ): ProviderNotice | undefined {
    return readSandboxCallback(account.secrets.callback_secret ?? '', callback, now)
  }

  async read(account: ProviderAccount, { from, until }: { from: Date; until: Date }, signal: AbortSignal): Promise<StatementLine[]> {
    const path = `/v1/movements?from=${from.toISOString()}&until=${until.toISOString()}`
    const { status, body } = await this.#client.call(account, { method: 'GET', path }, signal)
    if (status !== 200) throw new Error(`the statement was answered with ${status}`)
    return movementsWire.parse(body).data.map(({ id: reference, kind, payment_id: paymentId, amount, currency, at }) => ({
      kind,
      paymentId,
      reference,
      amount: BigInt(amount),
      currency,
      at: new Date(at),
    }))
  }

  #operate(
    account: ProviderAccount,
    kind: Exclude<OperationKind, 'authorize'>,
    { operationId, reference }: OperationAsk,
    json: object,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const verb = { capture: 'captures', void: 'void', refund: 'refunds' }[kind]
    const path = `/v1/payments/${encodeURIComponent(reference)}/${verb}`
    const call = { method: 'POST', path, idempotencyKey: operationId, json } as const
    return this.#ask(account, call, signal, (answer) => operationOutcome(answer, kind, operationId))
  }

  /** Without an answer that can be read, it is not known what has happened. */
  async #ask(account: ProviderAccount, call: Call, signal: AbortSignal, read: (answer: Answer) => Outcome): Promise<Outcome> {
    try {
      return read(await this.#client.call(account, call, signal))
    } catch (error) {
      return { kind: 'unknown', detail: (error as Error).message }
    }
  }
}
