import { Refusal } from '@souk/core/refusal.ts'
import type { FastifyRequest } from 'fastify'
import { ATTEMPTS_PER_ADDRESS, AttemptLimits } from './attempt-limits.ts'

/** Bounds the guesses at codes of gift cards, by shop and address, wherever a code can be given. Only a code that is none counts. */
export class GiftCardAttempts {
  readonly #limits = new AttemptLimits(ATTEMPTS_PER_ADDRESS)

  async attempt<T>({ inMerchant, ip, now }: Pick<FastifyRequest, 'inMerchant' | 'ip' | 'now'>, work: () => Promise<T>): Promise<T> {
    const who = `${inMerchant.merchant.id}|${ip}`
    this.#limits.take(who, now)
    let wasGuess = false
    try {
      return await work()
    } catch (error) {
      wasGuess = error instanceof Refusal && error.code === 'gift_card_invalid'
      throw error
    } finally {
      if (!wasGuess) this.#limits.giveBack(who, now)
    }
  }
}
