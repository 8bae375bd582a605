import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { wakeFollower } from '../events/followers.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { currencyDigits } from '../money.ts'
import { Refusal } from '../refusal.ts'
import { addOwner } from './staff.ts'

export const SLUG_LENGTH_MIN = 3
export const SLUG_LENGTH_MAX = 40
const SLUG = /^[a-z0-9](-?[a-z0-9])*$/

// Names that belong to the platform, or that people would take for it.
const RESERVED_SLUGS = new Set(
  `account admin api app assets auth billing blog cdn checkout dashboard dev docs ftp help internal localhost login mail media metrics
  pay payments platform public root secure security shop smtp souk staff staging static status store support system test webhooks www`.split(
    /\s+/,
  ),
)

/** What a merchant starts with. Amounts in minor units; the tax rate in parts per million. */
export interface NewMerchant {
  slug: string
  name: string
  currency: string
  country: string
  pricesIncludeTax: boolean
  taxRatePpm: bigint
  shipping: { name: string; amount: bigint }
  contactEmail: string
}

export interface FirstStaff {
  email: string
  name: string
  passwordHash: string
}

/** Refuses a slug that cannot be a host name of ours, and a currency that cannot be charged. */
export function checkNewMerchant(given: Pick<NewMerchant, 'slug' | 'currency'>): void {
  checkSlug(given.slug)
  currencyDigits(given.currency)
}

/** Refuses a slug that cannot be a host name of ours. */
export function checkSlug(slug: string): void {
  const fits = slug.length >= SLUG_LENGTH_MIN && slug.length <= SLUG_LENGTH_MAX && SLUG.test(slug)
  // An IDNA name ('xn--..') would show as other letters than it is written with.
  if (!fits || RESERVED_SLUGS.has(slug) || slug.startsWith('xn--')) {
    throw new Refusal('invalid_slug', {
      detail: `A slug has ${SLUG_LENGTH_MIN} to ${SLUG_LENGTH_MAX} letters a-z, digits and single hyphens inside, and is not a reserved name.`,
      errors: [{ pointer: '/slug', code: 'invalid_slug' }],
    })
  }
}

/**
 * Everything a new merchant has in its own database: settings, the location that holds its stock, its counters, and a
 * first owner. All or nothing; repeating it changes nothing.
 */
export async function setUpMerchant(tx: Tx, given: { merchant: NewMerchant; owner: FirstStaff; actor: Actor; now: Date }): Promise<void> {
  const { merchant, owner, actor, now } = given
  const locationId = newId(now)
  const settings = await tx.sql`
    insert into merchant_settings (merchant_id, slug, name, currency, country, prices_include_tax, tax_rate_ppm, shipping_name,
      shipping_amount, contact_email, default_location_id, created_at, updated_at)
    values (${tx.merchantId}, ${merchant.slug}, ${merchant.name}, ${merchant.currency}, ${merchant.country}, ${merchant.pricesIncludeTax},
      ${merchant.taxRatePpm}, ${merchant.shipping.name}, ${merchant.shipping.amount}, ${merchant.contactEmail}, ${locationId}, ${now}, ${now})
    on conflict (merchant_id) do nothing
    returning merchant_id`
  if (settings.length === 0) return
  await Promise.all([
    tx.sql`insert into location (merchant_id, id, name, created_at) values (${tx.merchantId}, ${locationId}, 'Main', ${now})`,
    tx.sql`insert into merchant_counter (merchant_id) values (${tx.merchantId})`,
    addOwner(tx, { ...owner, now }),
    // Known to the workers from the beginning: the shop's first mail does not wait for a round that looks for new shops.
    wakeFollower(tx, 'mail'),
    wakeFollower(tx, 'fulfillment'),
  ])
  await recordEvent(tx, {
    type: 'merchant.provisioned',
    aggregateType: 'merchant',
    aggregateId: tx.merchantId,
    data: { slug: merchant.slug, currency: merchant.currency, country: merchant.country },
    actor,
    now,
  })
}
