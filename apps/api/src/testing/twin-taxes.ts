import { newId } from '@souk/core/ids.ts'
import { importRates } from '@souk/core/taxes/import-rates.ts'
import { updateTaxSettings } from '@souk/core/taxes/tax-settings.ts'
import type { ApiMerchant } from './api.ts'
import type { Values } from './valid-requests.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are taken apart by tests
type Staff = (url: string, payload: object) => Promise<any>

/**
 * Rates of tax made by hand and by a file, certificates, settings, a zone and a method. The rates are for places where nobody of the
 * tests buys; the method with the shared name has the code that carts of the tests choose.
 */
export async function addTaxesAndShipping(
  staff: Staff,
  shop: ApiMerchant,
  of: { name: string; isShared: boolean; canary: string; customerId: string; group: string },
): Promise<Values> {
  const { name, canary } = of
  const by = { actor: { kind: 'staff', id: newId() }, now: new Date() } as const
  const rate = await staff('/v1/admin/tax-rates', {
    name: `${canary} VAT`,
    country: 'NZ',
    category: name,
    postcode_pattern: `${canary}${of.isShared ? 'A' : 'B'}`,
    rate_percent: '15',
  })
  const content = `code,country,state,zip/post code,rate\n${canary} ${name},US,*,${of.isShared ? '10001' : '10002'},1\n`
  await shop.inMerchant((tx) => importRates(tx, { format: 'magento_tax_rates', content }, by))
  await shop.inMerchant((tx) => updateTaxSettings(tx, { default_name: `${canary} tax` }, by))
  const exemption = await staff('/v1/admin/tax-exemptions', {
    customer_id: of.customerId,
    certificate: `${canary} certificate`,
    category: `${canary}-${name}`,
  })
  await shop.inMerchant(
    (tx) => tx.sql`
      insert into tax_exemption (merchant_id, customer_group, certificate) values (${tx.merchantId}, ${of.group}, ${`${canary} of a group`})`,
  )
  const zone = await staff('/v1/admin/shipping-zones', { name: `${canary} ${name}`, places: [{ country: 'NZ' }] })
  const method = await staff('/v1/admin/shipping-methods', {
    code: of.isShared ? 'flat' : name,
    name: `${canary} post`,
    rate: { type: 'flat', amount: { amount: 490, currency: 'EUR' } },
  })
  return { rate_id: rate.id, exemption_id: exemption.id, zone_id: zone.id, zone_ids: zone.id, method_id: method.id }
}
