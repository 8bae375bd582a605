import { Refusal } from '../refusal.ts'

/** What a checkout has learned from an attempt that came to nothing: gifts that were gone when it reached for them. */
export class Outdated extends Error {
  readonly missingGifts: readonly string[]

  constructor(missingGifts: readonly string[] = []) {
    super('What the price was made of has changed.')
    this.name = 'Outdated'
    this.missingGifts = missingGifts
  }
}

export function quoteOutdated(): Refusal {
  return new Refusal('quote_outdated', { detail: 'The cart or its prices went on changing. Nothing was ordered: look at the cart again.' })
}
