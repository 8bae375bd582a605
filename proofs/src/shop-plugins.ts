import { expectStatus } from './client.ts'
import type { Shop } from './house.ts'

/** A bundle whose discount hook has this body, with `input` and `configuration`. */
export function discountBundle(body: string): string {
  return `definePlugin({ contracts: { 'discount@1': { run(input, configuration) { ${body} } } } })`
}

/** Pushes a discount plugin to a shop and installs it. Answers the installation's id. */
export async function installDiscount(shop: Shop, name: string, bundle: string, failurePolicy = 'skip'): Promise<string> {
  const manifest = {
    name,
    version: '1.0.0',
    title: name,
    sdk: '^1.0.0',
    contracts: { discount: '^1' },
    input: { 'discount@1': ['currency', 'lines.id', 'lines.quantity', 'lines.unit_price', 'lines.subtotal', 'lines.tags', 'subtotal'] },
  }
  expectStatus(await shop.staff.post('/v1/admin/plugins/releases', { manifest, bundle }), 201)
  const install = { plugin: name, version: '1.0.0', providers: [{ point: 'discount', failure_policy: failurePolicy }] }
  return expectStatus(await shop.staff.post<{ id: string }>('/v1/admin/plugins/installs', install), 201).id
}

/** An honest plugin: two per cent off lines of three or more. */
export const HONEST = discountBundle(`
  const operations = input.lines
    .filter((line) => line.quantity >= 3)
    .map((line) => ({ type: 'line', line_id: line.id, value: { percentage: '2' }, message: 'Three or more' }))
  return { operations }`)
