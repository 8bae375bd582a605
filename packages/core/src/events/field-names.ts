/** Where a field is called otherwise outside than in here. Whoever reads an event compares it with what the API shows. */
const NAMES: Record<string, string> = {
  bodyHtml: 'description_html',
  productType: 'product_type',
  optionNames: 'options',
  contactEmail: 'contact_email',
  taxRatePpm: 'tax_rate_percent',
  shippingName: 'shipping.name',
  shippingAmount: 'shipping.amount',
  taxExempt: 'tax_exempt',
  vatId: 'vat_id',
  vatIdValid: 'vat_id_valid',
  taxCategory: 'tax_category',
  minimumPrice: 'minimum_price',
  pricesIncludeTax: 'prices_include_tax',
  discountRounding: 'discount_rounding',
  shippingMeasures: 'shipping_measures',
  timeZone: 'time_zone',
  taxRoundedPer: 'tax_rounded_per',
  foreignTax: 'foreign_tax',
  vatIds: 'vat_ids',
}

/** Fields by the names that merchants know: those an event says have changed. */
export function fieldNames(fields: readonly string[]): string[] {
  return fields.map((field) => NAMES[field] ?? field)
}
