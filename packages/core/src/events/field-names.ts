/** Where a field is called otherwise outside than in here. Whoever reads an event compares it with what the API shows. */
const NAMES: Record<string, string> = {
  bodyHtml: 'description_html',
  productType: 'product_type',
  optionNames: 'options',
  contactEmail: 'contact_email',
  taxRatePpm: 'tax_rate_percent',
  shippingName: 'shipping.name',
  shippingAmount: 'shipping.amount',
}

/** Fields by the names that merchants know: those an event says have changed. */
export function fieldNames(fields: readonly string[]): string[] {
  return fields.map((field) => NAMES[field] ?? field)
}
