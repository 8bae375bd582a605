import { controlTokenOf, type DemoPayments } from './demo-payments.ts'
import type { OpenShop } from './seed-demo.ts'

// Lines to paste into a shell: nothing but curl, and node to show what matters of an answer. Single quotes around JSON, so none inside.

const BERLIN = { name: 'Ada Example', line1: '1 Example Street', city: 'Berlin', postcode: '10115', country: 'DE' }
const AUSTIN = { name: 'Ada Example', line1: '1 Example Street', city: 'Austin', region: 'TX', postcode: '78704', country: 'US' }
const KYOTO = { name: 'Ada Example', line1: '1-1 Example', city: 'Kyoto', region: '26', postcode: '604-8001', country: 'JP' }

/** What each shop shows, as far as it has what the lines need. */
export function tour(shops: readonly OpenShop[], staffPassword: string, payments: DemoPayments): string {
  const open = (slug: string) => shops.find((shop) => shop.slug === slug && shop.cart.length > 0)
  const [kaffa, northpaw, hibiki] = [open('kaffa'), open('northpaw'), open('hibiki')]
  const lines = [
    ...HELPERS,
    ...(kaffa ? ['', '# Kaffa: promotions, a coupon, an order, and why it cost that much', ...promotions(kaffa, staffPassword)] : []),
    ...(kaffa
      ? [
          '',
          '# Kaffa again, by card: declined, tried again, approved by the buyer; what the provider really took',
          ...card(kaffa, payments),
        ]
      : []),
    ...(northpaw ? ['', '# Northpaw: a plugin gives shelters a volume price, and its log', ...plugin(northpaw, staffPassword)] : []),
    ...(hibiki ? ['', '# Hibiki: tiers with set prices, two rates of tax, a gift', ...tiers(hibiki)] : []),
  ]
  return ['Try it (paste the lines in order)', ...lines.map((line) => (line === '' ? '' : `  ${line}`))].join('\n')
}

const HELPERS = [
  `post() { curl -s -H 'content-type: application/json' "$@"; }`,
  `pick() { node -pe "(a => $1)(JSON.parse(require('fs').readFileSync(0)))"; }`,
  `why() { pick 'a.explanation.map(({ text, amount: m }) => (m.amount + " " + m.currency).padStart(11) + "  " + text).join("\\n")'; }`,
]

function promotions(shop: OpenShop, staffPassword: string): string[] {
  return [
    `SHOP=${shop.url}`,
    ...newCart(cartOf(shop, BERLIN)),
    `why <<<"$CART"`,
    `post $SHOP/v1/carts/$ID/coupons -H "cart-token: $TOKEN" -d '{"code":"welcome10"}' | why`,
    `ORDER=$(post $SHOP/v1/carts/$ID/checkout -H "cart-token: $TOKEN" -H "idempotency-key: order-$ID" \\`,
    `  -d '{"payment_method":"invoice"}' | pick a.id)`,
    ...logIn(shop, staffPassword),
    `curl -s $SHOP/v1/admin/orders/$ORDER/explanation -H "$STAFF" | pick 'a.promotions.map((p) => p.name + "\\n    " + p.words).join("\\n")'`,
  ]
}

function card(shop: OpenShop, payments: DemoPayments): string[] {
  const pay = (token: string) => `-d '{"payment":{"provider":"sandbox","token":"${token}"}}'`
  return [
    ...newCart(cartOf(shop, BERLIN)),
    `PAY=$(post $SHOP/v1/carts/$ID/checkout -H "cart-token: $TOKEN" -H "idempotency-key: card-$ID" ${pay('tok_insufficient_funds')})`,
    `ORDER=$(pick a.order.id <<<"$PAY") KEY=$(pick a.token <<<"$PAY")`,
    `pick 'a.title + ". " + a.detail' <<<"$PAY"`,
    `PAY=$(post $SHOP/v1/orders/$ORDER/payments -H "order-token: $KEY" -H "idempotency-key: again-$ID" ${pay('tok_3ds_required')})`,
    `curl -s "$(pick 'a.payments.at(-1).next_action.url' <<<"$PAY")" -d answer=approve`,
    `until curl -s $SHOP/v1/orders/$ORDER -H "order-token: $KEY" | pick '"Order " + a.status' | grep paid; do sleep 0.2; done`,
    `curl -s "${payments.url}/control/journal?payment_id=$(pick 'a.payments.at(-1).id' <<<"$PAY")" \\`,
    `  -H "authorization: Bearer ${controlTokenOf(payments.secret)}" | pick 'a.data[0].operations.map((o) => o.kind + " " + o.amount).join()'`,
  ]
}

function plugin(shop: OpenShop, staffPassword: string): string[] {
  return [
    `SHOP=${shop.url}`,
    ...newCart(cartOf(shop, AUSTIN)),
    `why <<<"$CART"`,
    ...logIn(shop, staffPassword),
    `SHELTER=$(curl -s "$SHOP/v1/admin/customers?email=orders@second-chance.example" -H "$STAFF" | pick 'a.data[0].id')`,
    `BUYER=$(post $SHOP/v1/admin/customers/$SHELTER/tokens -H "$STAFF" -d '{}' | pick a.customer_token)`,
    `post -X PATCH $SHOP/v1/carts/$ID -H "cart-token: $TOKEN" -d "{\\"customer_token\\":\\"$BUYER\\"}" | why`,
    `INSTALL=$(curl -s $SHOP/v1/admin/plugins/installs -H "$STAFF" | pick 'a.data[0].id'); sleep 1`,
    `CALL=$(curl -s "$SHOP/v1/admin/plugins/installs/$INSTALL/calls?limit=1" -H "$STAFF" | pick 'a.data[0].id')`,
    `curl -s $SHOP/v1/admin/plugins/calls/$CALL -H "$STAFF"; echo`,
  ]
}

function tiers(shop: OpenShop): string[] {
  return [`SHOP=${shop.url}`, `post $SHOP/v1/carts -d '${cartOf(shop, KYOTO)}' | why`]
}

function cartOf({ cart }: OpenShop, address: object): string {
  const lines = cart.map(({ variantId, quantity }) => ({ variant_id: variantId, quantity }))
  return JSON.stringify({ lines, email: 'ada@example.com', shipping_address: address })
}

function newCart(cart: string): string[] {
  return [`CART=$(post $SHOP/v1/carts -d '${cart}')`, `ID=$(pick a.id <<<"$CART") TOKEN=$(pick a.token <<<"$CART")`]
}

function logIn({ staffEmail }: OpenShop, password: string): string[] {
  return [
    `STAFF="authorization: Bearer $(post $SHOP/v1/admin/sessions -d '{"email":"${staffEmail}","password":"${password}"}' | pick a.access_token)"`,
  ]
}
