import type { Discount, DiscountInput } from '@souk/plugins-sdk/adapters/discount.ts'
import type { DeliveryRate } from '@souk/plugins-sdk/adapters/fulfillment.ts'
import type { Taxes } from '@souk/plugins-sdk/adapters/tax.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import { divide } from '../money.ts'
import type { CompiledPricing } from '../pricing/compile-pricing.ts'
import { priceCart } from '../pricing/price-cart.ts'
import type { PricedCart } from '../pricing/priced-cart.ts'
import { NO_PLUGINS, type PricingInput } from '../pricing/pricing-input.ts'
import { Refusal } from '../refusal.ts'
import type { Provider } from './install.ts'
import { type InstalledPlugin, providersOf } from './installs-in-force.ts'
import type { Answered, PluginQuestion, PluginRuntime } from './plugin-runtime.ts'
import type { ExtensionPoint, FailureReason } from './port.ts'
import { discountInput, ratesInput, taxInput } from './provider-input.ts'
import { operationsFrom, ratesFrom, taxesFrom } from './read-output.ts'

/** What was asked of the plugins, for which buyer, and at what moment: only an order may be refused for a plugin's sake. */
export interface Consultation {
  runtime: PluginRuntime
  inMerchant: InMerchant
  installs: readonly InstalledPlugin[]
  rules: CompiledPricing
  moment: 'cart' | 'checkout'
}

type Plugins = PricingInput['plugins']
type Served = { install: InstalledPlugin; provider: Provider }

// Worth one more try while the buyer waits for the order; a sibling runner takes it.
const PASSING: ReadonlySet<FailureReason> = new Set(['timeout', 'killed', 'unavailable'])

/**
 * Asks every provider of a merchant about a cart, side by side, with no transaction open. Discounts and delivery rates
 * come first, each provider blind to the others; then taxes on what is left. A provider that fails is answered as the
 * merchant chose: left out, replaced by the built-in, or, at checkout, `plugin_failed`. Nothing else is ever thrown for what
 * a plugin does. `unasked` is the cart as it is priced without plugins, where somebody has done that already.
 */
export async function consultPlugins(consultation: Consultation, input: PricingInput, unasked?: PricedCart): Promise<Plugins> {
  const { installs, rules } = consultation
  if (installs.length === 0) return NO_PLUGINS
  const blank = { ...input, plugins: NO_PLUGINS }
  const draft = unasked ?? priceCart(blank, rules)
  const notes: Plugins['notes'] = []
  const seen = once(() => discountInput(blank, draft))
  const [discountAnswers, rateAnswers] = await Promise.all([
    askAll(consultation, input, { point: 'discount', hook: 'run' }, seen),
    input.lines.some((line) => line.requiresShipping)
      ? askAll(consultation, input, { point: 'fulfillment', hook: 'rates' }, () => ratesInput(blank, draft))
      : [],
  ])
  const rates = readAll(consultation, rateAnswers, notes, (output) => ({ rates: ratesFrom(output as DeliveryRate[]) }))
  const reduced = rates.length === 0 ? seen : once(() => discountInput(...repriced(blank, rates, rules)))
  const discounts = readAll(consultation, discountAnswers, notes, readDiscounts(consultation, reduced))
  const plugins: Plugins = { discounts, rates, taxes: null, notes }
  return { ...plugins, taxes: await askTaxes(consultation, { ...input, plugins }, notes) }
}

/**
 * Asks for the taxes of a price alone, whose discounts and delivery stand; those of an order that is edited. With no transaction open.
 * Null: the merchant's own table decides. Notes say which providers did not answer.
 */
export async function consultTaxes(consultation: Consultation, input: PricingInput): Promise<Pick<Plugins, 'taxes' | 'notes'>> {
  const notes: Plugins['notes'] = []
  const taxes = await askTaxes(consultation, { ...input, plugins: { ...input.plugins, taxes: null } }, notes)
  return { taxes, notes }
}

/** The cart with delivery rates of plugins in it, and what it then costs. */
function repriced(blank: PricingInput, rates: Plugins['rates'], rules: CompiledPricing): [PricingInput, PricedCart] {
  const input = { ...blank, plugins: { ...NO_PLUGINS, rates } }
  return [input, priceCart(input, rules)]
}

/** Discounts become amounts against the cart with its delivery rate in it, which the chosen method may have from a plugin. */
function readDiscounts({ runtime, rules }: Consultation, seen: () => DiscountInput) {
  const { rounding } = rules.document.policy
  const divideAsDeclared = (numerator: bigint, denominator: bigint) => divide(numerator, denominator, rounding)
  return (output: unknown) => ({
    operations: operationsFrom(runtime.port.discountOperations(output as Discount[], seen(), divideAsDeclared)),
  })
}

function once<Made>(make: () => Made): () => Made {
  let made: { made: Made } | undefined
  return () => {
    made ??= { made: make() }
    return made.made
  }
}

function askAll(
  { runtime, inMerchant, installs }: Consultation,
  { stickyKey }: PricingInput,
  asked: Pick<PluginQuestion, 'point' | 'hook'>,
  makeInput: () => unknown,
): Promise<(Answered & Served)[]> {
  const served = providersOf(installs, asked.point)
  if (served.length === 0) return Promise.resolve([])
  const input = makeInput()
  return Promise.all(
    served.map(async ({ install, provider }) => ({
      provider,
      ...(await runtime.ask(inMerchant, { ...asked, install, input, stickyKey })),
    })),
  )
}

/** What the providers that answered well said; the others become notes, or refuse the order. */
function readAll<Content>(
  consultation: Consultation,
  answers: readonly (Answered & Served)[],
  notes: Plugins['notes'],
  read: (output: unknown) => Content,
): (Content & { installId: string; plugin: string; version: string })[] {
  return answers.flatMap((answered) => {
    if (answered.answer.ok) return [{ ...identity(answered), ...read(answered.answer.output) }]
    noteFailure(consultation, answered, answered.answer, notes)
    return []
  })
}

/** The first provider that answers decides the taxes; none, and the merchant's own table does. */
async function askTaxes(consultation: Consultation, input: PricingInput, notes: Plugins['notes']): Promise<Plugins['taxes']> {
  const served = providersOf(consultation.installs, 'tax')
  if (served.length === 0 || input.lines.length === 0) return null
  const { policy, taxes } = consultation.rules.document
  const priced = priceCart(input, consultation.rules)
  const asked = taxInput(input, priced, {
    pricesIncludeTax: policy.prices_include_tax,
    sellerCountry: taxes.seller_country,
    discountsAfterTax: policy.discounts === 'after_tax',
  })
  for (const each of served) {
    const question = { install: each.install, point: 'tax' as const, hook: 'run', input: asked, stickyKey: input.stickyKey }
    const answered = await askTax(consultation, question)
    if (answered.answer.ok) return { ...identity(answered), ...taxesFrom(answered.answer.output as Taxes), estimated: false }
    noteFailure(consultation, { ...answered, ...each }, answered.answer, notes)
  }
  return null
}

async function askTax({ runtime, inMerchant, moment }: Consultation, question: PluginQuestion): Promise<Answered> {
  const first = await runtime.ask(inMerchant, question)
  const again = moment === 'checkout' && !first.answer.ok && PASSING.has(first.answer.reason)
  return again ? runtime.ask(inMerchant, question) : first
}

const LEFT_OUT: Record<ExtensionPoint, string> = {
  discount: 'its discounts are left out',
  tax: "taxes are those of the shop's own table",
  fulfillment: 'its ways of delivery are left out',
}

function noteFailure(
  { moment }: Consultation,
  { release, provider }: Answered & Served,
  { reason, detail }: { reason: FailureReason; detail: string },
  notes: Plugins['notes'],
): void {
  if (provider.failurePolicy === 'refuse' && moment === 'checkout') {
    throw new Refusal('plugin_failed', {
      detail: `The plugin ${release.plugin} did not answer, and this shop does not sell without it.`,
      extra: { plugin: release.plugin, reason: reason.replaceAll('_', '-') },
    })
  }
  notes.push({ plugin: release.plugin, reason, text: `${release.plugin} did not answer (${detail}): ${LEFT_OUT[provider.point]}.` })
}

function identity({ install, release }: Answered): { installId: string; plugin: string; version: string } {
  return { installId: install.installId, plugin: release.plugin, version: release.version }
}
