import { type Answer, type Call, expectOk } from './http-client.ts'

export interface CartLine {
  variantId: string
  quantity: number
}

interface Wanted {
  handle: string
  sku: string
  quantity: number
}

/** What the demo's notes put into a cart of each shop, so that its promotions, tiers or plugin have something to do. */
export const DEMO_CARTS: Record<string, Wanted[]> = {
  kaffa: [
    { handle: 'espresso-chocolate-70', sku: 'KA-SCH', quantity: 2 },
    { handle: 'cascara-coffee-cherry-tea', sku: 'KA-CAS-100G', quantity: 1 },
    { handle: 'alltag-mug', sku: 'KA-CMU-TER', quantity: 1 },
    { handle: 'fruhschicht-house-espresso', sku: 'KA-FRU-250G-WB', quantity: 1 },
  ],
  northpaw: [
    { handle: 'foldaway-trail-bowl', sku: 'NP-BWL-1QT-RIV', quantity: 3 },
    { handle: 'foldaway-trail-bowl', sku: 'NP-BWL-2QT-LIC', quantity: 3 },
    { handle: 'upstream-salmon-treats', sku: 'NP-SAL-6OZ', quantity: 1 },
  ],
  hibiki: [
    { handle: 'sazanami-gel-pen', sku: 'HB-SZN-05MM-SUM', quantity: 8 },
    { handle: 'sazanami-gel-pen', sku: 'HB-SZN-05MM-VER', quantity: 4 },
    { handle: 'hibiki-notebook', sku: 'HB-NTB-A5-GRI', quantity: 3 },
    { handle: 'hojicha-for-the-desk', sku: 'HB-HOJ-40G', quantity: 1 },
  ],
}

/** The shop's cart, without what is sold out or gone by now. */
export async function fillCart(client: (call: Call) => Promise<Answer>, slug: string): Promise<CartLine[]> {
  const wanted = DEMO_CARTS[slug] ?? []
  const handles = [...new Set(wanted.map(({ handle }) => handle))]
  const answers = await Promise.all(handles.map((handle) => client({ method: 'GET', path: `/v1/products/${handle}` })))
  const variants = answers
    .filter(({ status }) => status !== 404)
    .flatMap((answer) => expectOk(answer, 'Reading a product').variants as { id: string; sku: string; available: boolean }[])
  return wanted.flatMap(({ sku, quantity }) => {
    const variant = variants.find((candidate) => candidate.sku === sku && candidate.available)
    return variant ? [{ variantId: variant.id, quantity }] : []
  })
}
