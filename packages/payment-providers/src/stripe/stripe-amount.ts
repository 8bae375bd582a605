// Stripe counts in the smallest unit of a currency too, but not always in that of ISO 4217: https://docs.stripe.com/currencies

/** Whole units only, written with two decimals all the same. */
const WRITTEN_WITH_DECIMALS = new Set(['ISK', 'UGX'])
/** Two decimals by ISO 4217, none at Stripe. */
const WITHOUT_DECIMALS = new Set(['MGA'])
/** Three decimals, of which the last has to be a zero. */
const IN_TENS = new Set(['BHD', 'JOD', 'KWD', 'OMR', 'TND'])

/** Our minor units as Stripe's; undefined when Stripe cannot take just this amount. */
export function toStripeAmount(amount: bigint, currency: string): number | undefined {
  if (amount > BigInt(Number.MAX_SAFE_INTEGER)) return undefined
  if (WRITTEN_WITH_DECIMALS.has(currency)) return Number(amount * 100n)
  if (WITHOUT_DECIMALS.has(currency)) return amount % 100n === 0n ? Number(amount / 100n) : undefined
  if (IN_TENS.has(currency) && amount % 10n !== 0n) return undefined
  return Number(amount)
}

/** Stripe's units as our minor units. Throws on an amount that has no such form: then nothing about it can be believed. */
export function fromStripeAmount(amount: number, currency: string): bigint {
  const units = BigInt(amount)
  if (WITHOUT_DECIMALS.has(currency)) return units * 100n
  if (!WRITTEN_WITH_DECIMALS.has(currency)) return units
  if (units % 100n !== 0n) throw new RangeError(`${amount} is no whole amount of ${currency}`)
  return units / 100n
}
