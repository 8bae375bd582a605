import { CannotMap } from './pricing-case.ts'
import type { SyliusScenario, SyliusVariant } from './sylius-schema.ts'

/** What the sentences beside the structured part of a scenario say of the shop and of what was done before. */
export interface SyliusHistory {
  /** Earlier orders that were cancelled afterwards. */
  cancelledOrders: number
  /** Uses of a code in earlier orders that were not cancelled. */
  couponUses: Map<string, number>
  /** Variants of the product named last. */
  variants: SyliusVariant[]
}

/** Sentences that change nothing about a price: how it is paid, and what a later step repeats. */
const WITHOUT_EFFECT = [
  /^I chose? "[^"]+" shipping method$/,
  /^I chose? "[^"]+" shipping method to "[^"]+" with "[^"]+" payment$/,
  /^I choose "[^"]+" payment method$/,
]

export function readHistory({ other_given }: SyliusScenario): SyliusHistory {
  const history: SyliusHistory = { cancelledOrders: 0, couponUses: new Map(), variants: [] }
  let codesOfOrder: string[] = []
  for (const sentence of other_given) {
    const used = /^I (?:bought .* using|used) "([^"]+)" coupon$/.exec(sentence)?.[1]
    const variant = /^this product has "([^"]+)" variant priced at "\$(\d+\.\d{2})"( which does not require shipping)?$/.exec(sentence)
    if (used !== undefined) {
      codesOfOrder.push(used)
      history.couponUses.set(used, (history.couponUses.get(used) ?? 0) + 1)
    } else if (variant) {
      history.variants.push({ name: variant[1]!, price: variant[2]!, requires_shipping: variant[3] === undefined })
    } else if (/^I placed an order "[^"]+"$/.test(sentence)) codesOfOrder = []
    else if (sentence === 'I cancelled my last order') history.cancelledOrders += 1
    else if (sentence === 'I cancelled this order') {
      // What an order used is given back when it is cancelled.
      for (const code of codesOfOrder) history.couponUses.set(code, history.couponUses.get(code)! - 1)
      codesOfOrder = []
    } else if (!/^I bought [^"]*"[^"]+"( and (a|an) "[^"]+")?$/.test(sentence) && !WITHOUT_EFFECT.some((each) => each.test(sentence)))
      throw new CannotMap(`given ${JSON.stringify(sentence)}`)
  }
  return history
}
