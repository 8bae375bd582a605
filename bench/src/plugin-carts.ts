import { createHash } from 'node:crypto'

// What the plugin bench asks: a discount plugin as a merchant would have one, and carts as such a plugin sees them.

export interface BenchBundle {
  digest: string
  source: string
}

const TIERS = `definePlugin({ contracts: { 'discount@1': { run(input, configuration) {
  const operations = []
  let subtotal = 0
  for (const line of input.lines) {
    subtotal += line.subtotal
    const tier = configuration.tiers.filter((one) => line.quantity >= one.from).at(-1)
    if (tier) operations.push({ type: 'line', line_id: line.id, value: { percentage: tier.percentage }, message: 'From ' + tier.from + ' pieces' })
  }
  if (input.customer?.groups.includes('vip')) operations.push({ type: 'order', value: { amount: Math.floor(subtotal / 20) }, message: 'VIP' })
  return { operations }
} } } })`

export const CONFIGURATION = {
  tiers: [
    { from: 3, percentage: '5' },
    { from: 6, percentage: '10' },
  ],
}

/** The plugin, made different from every other one by its number, and longer by functions that nobody calls. */
export function tiers(number = 0, bytes = 0): BenchBundle {
  const filling = (n: number) =>
    `function unused${n}(a) { if (a > ${n}) { return a.map((x) => x + ${n}).filter((y) => y % 2) } return { a, text: 'filling ${n}' } }\n`
  let source = `// ${number}\n${TIERS}\n`
  for (let n = 0; source.length < bytes; n++) source += filling(n)
  return bundleOf(source)
}

export function bundleOf(source: string): BenchBundle {
  return { digest: createHash('sha256').update(source).digest('hex'), source }
}

/** As discount@1 shows it: about 250 bytes a line. */
export function cart(lines: number): { lines: unknown[]; customer: unknown } & Record<string, unknown> {
  return {
    as_of: '2026-01-01T00:00:00Z',
    currency: 'EUR',
    channel: 'web',
    lines: Array.from({ length: lines }, (_, n) => ({
      id: `019c2a4e-7c1e-7000-8000-${String(n).padStart(12, '0')}`,
      sku: `SKU-${n}`,
      product_id: `019c2a4e-7c1e-7000-9000-${String(n).padStart(12, '0')}`,
      quantity: 1 + (n % 12),
      unit_price: 1_999 + n,
      subtotal: (1_999 + n) * (1 + (n % 12)),
      discount: 0,
      tags: ['sale'],
      collections: ['summer'],
    })),
    customer: { groups: ['vip'], orders_count: 3 },
    destination: { country: 'DE', region: null, postcode: '10115' },
    codes: [],
  }
}
