import { type Client, expectStatus } from '@souk/proofs/client.ts'
import { House } from '@souk/proofs/house.ts'
import { Process } from '@souk/proofs/process.ts'

// How long a merchant takes to be made, from the request at the platform API to the first answer of its own host: npm run
// bench:create-merchant in bench/, MERCHANTS of them (40), one after the other and four at a time, on durable PostgreSQL.

const MERCHANTS = Number(process.env.MERCHANTS ?? 40)
const WARM_UP = 5
const AT_ONCE = [1, 4]
const ADMIN = { email: 'bench@platform.example', password: 'bench of the platform' }

interface Took {
  madeMs: number
  servedMs: number
}

const house = await House.open()
try {
  await house.startApi()
  const create = new Process('apps/api/src/create-admin.ts')
  create.start({ ...house.environment(), SOUK_ADMIN_EMAIL: ADMIN.email, SOUK_ADMIN_PASSWORD: ADMIN.password })
  if ((await create.finished()) !== 0) throw new Error(create.output)
  const platform = house.client('platform.localhost')
  const session = expectStatus(await platform.post('/v1/sessions', ADMIN), 200)
  const admin = platform.with({ authorization: `Bearer ${session.access_token}` })
  for (let n = 0; n < WARM_UP; n += 1) await make(admin, `warm-${n}`)
  console.log(
    '| at once | made p50 ms | p95 | max | serves p50 ms | p95 | max |\n| ------: | ----------: | --: | --: | ------------: | --: | --: |',
  )
  for (const atOnce of AT_ONCE) {
    const waiting = Array.from({ length: MERCHANTS }, (_, n) => `shop-${atOnce}-${n}`)
    const took: Took[] = []
    const lanes = Array.from({ length: atOnce }, async () => {
      for (let slug = waiting.shift(); slug !== undefined; slug = waiting.shift()) took.push(await make(admin, slug))
    })
    await Promise.all(lanes)
    const [made, served] = [took.map(({ madeMs }) => madeMs), took.map(({ servedMs }) => servedMs)]
    console.log(`| ${[atOnce, ...figures(made), ...figures(served)].join(' | ')} |`)
  }
  await platform.close()
} finally {
  await house.close()
}

async function make(admin: Client, slug: string): Promise<Took> {
  const merchant = {
    slug,
    name: slug,
    currency: 'EUR',
    country: 'DE',
    prices_include_tax: true,
    tax_rate_percent: '19',
    shipping: { name: 'Parcel', amount_minor: 490 },
    contact_email: 'owner@shop.example',
    staff: { email: 'owner@shop.example', name: 'Owner', password: 'bench of the shop' },
  }
  const started = performance.now()
  expectStatus(await admin.post('/v1/merchants', merchant, { 'idempotency-key': slug }), 201)
  const madeMs = performance.now() - started
  const buyer = house.client(`${slug}.localhost`)
  expectStatus(await buyer.get('/v1/store'), 200)
  const servedMs = performance.now() - started
  await buyer.close()
  return { madeMs, servedMs }
}

function figures(times: number[]): string[] {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number
  return [at(0.5), at(0.95), at(1)].map((ms) => ms.toFixed(0))
}
