import { relative } from 'node:path'
import { root } from './pnpm.mjs'
import type { Ports } from './ports.ts'
import type { OpenShop } from './seed-demo.ts'

export interface DemoNotes {
  ports: Ports
  baseDomain: string
  admin: { email: string; password: string }
  staffPassword: string
  shops: OpenShop[]
  logs: string
  seconds: number
}

/** What somebody who has just started Souk wants to know: where the shops are, how to get in, what to try. */
export function demoNotes({ ports, baseDomain, admin, staffPassword, shops, logs, seconds }: DemoNotes): string {
  const platform = `http://platform.${baseDomain}:${ports.api}`
  const sections = [
    `\nSouk is running (${seconds.toFixed(1)} s). Ctrl-C stops it.`,
    table(
      'Shops',
      shops.map((shop) => [shop.url, `${shop.name}, ${shop.currency}`]),
    ),
    table(`Staff, at each shop's /v1/admin (password: ${staffPassword})`, [...shops.map((shop) => [shop.staffEmail, shop.url])]),
    table(`Platform admin (password: ${admin.password})`, [[admin.email, platform]]),
    table('Reference and health', [
      [`${platform}/docs`, 'every route'],
      [`http://127.0.0.1:${ports.apiInternal}/metrics`, `API; the worker is at port ${ports.workerInternal}`],
      [`${relative(process.cwd(), logs) || root}/`, 'logs'],
    ]),
  ]
  const sample = shops.find((shop) => shop.sample !== undefined)
  return [...sections, ...(sample ? [tryIt(sample, staffPassword)] : [])].join('\n\n')
}

/** Browses a shop and places an order, with nothing but curl and sed. */
function tryIt(shop: OpenShop, staffPassword: string): string {
  const { handle, variantId } = shop.sample ?? { handle: '', variantId: '' }
  const cart = JSON.stringify({
    lines: [{ variant_id: variantId, quantity: 1 }],
    email: 'ada@example.com',
    shipping_address: { name: 'Ada Example', line1: '1 Example Street', city: 'Berlin', postcode: '10115', country: 'DE' },
    shipping_option: 'flat',
  })
  return `Try it (paste the lines in order)
  SHOP=${shop.url}
  curl -s "$SHOP/v1/products?limit=3"
  curl -s $SHOP/v1/products/${handle}
  CART=$(curl -s $SHOP/v1/carts -H 'content-type: application/json' -d '${cart}')
  ID=$(echo "$CART" | sed -E 's/^\\{"id":"([^"]+)".*/\\1/') TOKEN=$(echo "$CART" | sed -E 's/.*"token":"([^"]+)".*/\\1/')
  curl -s $SHOP/v1/carts/$ID/checkout -H "cart-token: $TOKEN" -H "idempotency-key: order-$(date +%s)" \\
    -H 'content-type: application/json' -d '{"payment_method":"invoice"}'
  curl -s $SHOP/v1/admin/sessions -H 'content-type: application/json' -d '{"email":"${shop.staffEmail}","password":"${staffPassword}"}'`
}

function table(title: string, rows: string[][]): string {
  const width = Math.max(...rows.map(([first]) => first?.length ?? 0))
  return [title, ...rows.map(([first = '', second = '']) => `  ${first.padEnd(width)}  ${second}`)].join('\n')
}
