import { shippingTableSchema } from '../shipping/shipping-table.ts'
import { taxTableSchema } from '../taxes/tax-table.ts'
import { type PricingDocument, pricingDocumentSchema, pricingVersion } from './pricing-document.ts'
import { NO_PLUGINS, type PricingInput, readPricingInput } from './pricing-input.ts'
import { type PricingInput as PricingInputV1, readPricingInput as readPricingInputV1 } from './pricing-input-v1.ts'

/** A stored pricing input of any version, with the pricing document where it carried its policies itself. */
export interface StoredPricing {
  input: PricingInput
  /** Null: it is the one that `input.pricingVersion` names. */
  document: PricingDocument | null
}

/** Nobody knows any more when and from where a cart of version 1 was priced, and nothing of its price depended on it. */
const LONG_AGO = '1970-01-01T00:00:00.000Z'

/** Reads a stored pricing input of any version. Throws a ZodError when it is none. */
export function readStoredPricing(stored: unknown): StoredPricing {
  const version = typeof stored === 'object' && stored !== null && 'version' in stored ? stored.version : undefined
  return version === 1 ? upgrade(readPricingInputV1(stored)) : { input: readPricingInput(stored), document: null }
}

/** Version 1 knew one flat tax rate, one shipping price, and carried them with the cart. */
function upgrade(old: PricingInputV1): StoredPricing {
  const document = documentOf(old)
  return {
    document,
    input: {
      version: 2,
      pricingVersion: pricingVersion(document),
      currency: old.currency,
      asOf: LONG_AGO,
      channel: 'web',
      stickyKey: '',
      lines: old.lines.map((line) => ({
        ...line,
        sku: '',
        compareAtPrice: null,
        minimumPrice: null,
        taxCategory: null,
        grams: 0n,
        vendor: '',
        productType: '',
        tags: [],
        collections: [],
      })),
      gifts: [],
      customer: null,
      vatId: null,
      firstOrder: null,
      emailDomain: null,
      shippingAddress: null,
      billingCountry: null,
      coupons: [],
      usage: {},
      shipping: old.shipping && { method: old.shipping.code },
      manual: [],
      plugins: NO_PLUGINS,
    },
  }
}

function documentOf({ currency, policy, shipping, tax }: PricingInputV1): PricingDocument {
  return pricingDocumentSchema.parse({
    format: 1,
    currency,
    policy: {
      prices_include_tax: policy.pricesIncludeTax,
      rounding: policy.rounding,
      tax_rounded_per: policy.taxRoundedPer,
      discounts: 'before_tax',
      foreign_tax: 'same_gross',
      time_zone: 'UTC',
    },
    promotions: [],
    taxes: taxTableSchema.parse({
      // Without rates, no rule of any country has a say.
      seller_country: 'XX',
      default_rate_ppm: Number(tax.ratePpm),
      default_name: tax.name,
      shipping: { mode: tax.appliesToShipping ? 'category' : 'none' },
    }),
    shipping: shippingTableSchema.parse({
      currency,
      methods: shipping ? [{ code: shipping.code, name: shipping.name, rate: { type: 'flat', amount: Number(shipping.amount) } }] : [],
    }),
  })
}
