import { draw } from '@souk/sandbox-psp/scripts.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { captureUntilKnown, chargeUntilKnown, refundUntilKnown } from '../testing/ask-until-known.ts'
import { accountWith, amountAsk, authorization, captureAsk } from '../testing/asks.ts'
import { StripeStandIn } from '../testing/stripe-stand-in.ts'
import { StripeProvider } from './stripe-provider.ts'

const ROUNDS = 4
const FAULTS_PER_SEED = 2_000

let stripe: StripeStandIn

beforeAll(async () => {
  stripe = await StripeStandIn.start()
})

afterAll(() => stripe.close())

test.each([3, 20_261_121, 0xfeed])(
  'whatever fails (seed %i), each payment is charged, captured in parts and refunded once',
  async (seed) => {
    const provider = new StripeProvider([stripe.url])
    const account = accountWith('stripe', { secret_key: stripe.secretKey, callback_secret: 'whsec_x' })
    stripe.books.intents.length = 0
    stripe.books.refunds.length = 0
    stripe.faults.length = 0
    stripe.faults.push(...Array.from({ length: FAULTS_PER_SEED }, (_, index) => faultOf(draw(seed, index))))
    for (let round = 0; round < ROUNDS; round++) {
      const ask = authorization({ token: 'pm_card_visa', capture: 'later' })
      const charged = await chargeUntilKnown(provider, account, ask)
      if (charged.kind !== 'authorized') throw new Error(charged.kind)
      const { reference } = charged
      const captures = [captureAsk(reference, 300n), captureAsk(reference, 450n, true)]
      for (const capture of captures)
        expect(await captureUntilKnown(provider, account, ask.paymentId, capture)).toMatchObject({
          kind: 'captured',
          amount: capture.amount,
        })
      const refund = amountAsk(reference, 100n)
      expect(await refundUntilKnown(provider, account, ask.paymentId, refund)).toMatchObject({ kind: 'refunded', amount: 100n })
    }
    expect(stripe.faults.length).toBeLessThan(FAULTS_PER_SEED - ROUNDS * 5)
    expect(stripe.books.intents.map(({ amount_received: received, status }) => [received, status])).toEqual(
      Array.from({ length: ROUNDS }, () => [750, 'succeeded']),
    )
    expect(stripe.books.refunds.map(({ amount }) => amount)).toEqual(Array.from({ length: ROUNDS }, () => 100))
  },
)

function faultOf(drawn: number): (typeof stripe.faults)[number] {
  if (drawn < 0.1) return { status: 500, when: 'after' }
  if (drawn < 0.2) return { status: 503, when: 'before' }
  if (drawn < 0.3) return { garbage: true }
  if (drawn < 0.35) return { drop: 'after' }
  if (drawn < 0.4) return { drop: 'before' }
  return drawn < 0.45 ? { status: 429, when: 'before' } : { pass: true }
}
