import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { toTaxSettings } from './tax-settings.ts'
import type { TaxTable } from './tax-table.ts'

/** What the table takes from the shop's own settings. The rate in parts per million; the zone an IANA name. */
export interface TaxShop {
  country: string
  taxRatePpm: bigint | number
  timeZone: string
}

interface TaxTableRow {
  settings: unknown
  rates: TaxTable['rates'] | null
  exemptions: TaxTable['exemptions'] | null
}

/** The statement that reads all of a merchant's taxes; `toTaxTable` takes its answer. Ordered, so that the same taxes give the same bytes. */
export function taxTableQuery(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`
    select
      (select document from tax_settings where merchant_id = ${tx.merchantId}) as settings,
      (
        select json_agg(json_build_object('id', id, 'name', name, 'country', country, 'region', region, 'postcode_from', postcode_from,
          'postcode_to', postcode_to, 'postcode_pattern', postcode_pattern, 'category', category, 'rate_ppm', rate_ppm,
          'valid_from', valid_from, 'valid_to', valid_to, 'compound', compound, 'priority', priority) order by id)
        from tax_rate where merchant_id = ${tx.merchantId}
      ) as rates,
      (
        select json_agg(json_build_object('id', id, 'customer_id', customer_id, 'customer_group', customer_group, 'certificate', certificate,
          'country', country, 'region', region, 'category', category, 'valid_from', valid_from, 'valid_to', valid_to) order by id)
        from tax_exemption where merchant_id = ${tx.merchantId}
      ) as exemptions`
}

/** The answer of `taxTableQuery` as a table. A shop that configured nothing has its flat rate, on everything taxable and on shipping. */
export function toTaxTable(rows: readonly unknown[], shop: TaxShop): TaxTable {
  const [row] = rows as TaxTableRow[]
  return {
    ...toTaxSettings(row?.settings),
    seller_country: shop.country,
    time_zone: shop.timeZone,
    default_rate_ppm: Number(shop.taxRatePpm),
    rates: row?.rates ?? [],
    exemptions: row?.exemptions ?? [],
  }
}
