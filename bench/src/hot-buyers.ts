import { newId } from '@souk/core/ids.ts'
import { Refusal } from '@souk/core/refusal.ts'
import { reserveStock } from '@souk/core/stock/reserve.ts'
import { reserveInTurn } from '@souk/core/stock/reserve-in-turn.ts'
import { type InMerchant, Router } from '@souk/tenant-router/router.ts'
import postgres from 'postgres'

// One of the processes whose buyers all want the same goods; hot-stock.ts starts it and tells it what to do.

export type Form = 'counter' | 'alone' | 'in turn'

export interface Rush {
  form: Form
  variantId: string
  buyers: number
  seconds: number
  /** How many come a second; as many as can, if it is not said. */
  perSecond?: number
}

export interface RushResult {
  latencies: number[]
  granted: number
  refused: number
  cpuMs: number
}

const ACTOR = { kind: 'buyer' } as const
const [directoryUrl, merchantId] = process.argv.slice(2) as [string, string]
const router = new Router({
  directoryUrl,
  baseDomain: 'localhost',
  cellUrls: { 'shared-1': directoryUrl },
  connectionsPerCell: 16,
  waitMs: 20_000,
})
const merchant = await router.directory.refresh(merchantId)
const inMerchant = router.inMerchant(merchant!)
const counter = postgres(directoryUrl, { max: 16 })

process.on('message', (rush: Rush) => void run(rush).then((result) => process.send!(result)))
process.on('disconnect', () => process.exit())
process.send!('ready')

async function run({ form, variantId, buyers, seconds, perSecond }: Rush): Promise<RushResult> {
  const result: RushResult = { latencies: [], granted: 0, refused: 0, cpuMs: 0 }
  const buy = BUY[form]
  const cpu = process.cpuUsage()
  const begun = performance.now()
  const pauseMs = perSecond === undefined ? 0 : (buyers * 1_000) / perSecond
  await Promise.all(
    Array.from({ length: buyers }, async (_, buyer) => {
      for (let turn = buyer / buyers; ; turn++) {
        const due = begun + turn * pauseMs
        if (pauseMs > 0 && due > performance.now()) await new Promise((resolve) => setTimeout(resolve, due - performance.now()))
        if (performance.now() > begun + seconds * 1_000) return
        const before = pauseMs > 0 ? Math.min(due, performance.now()) : performance.now()
        if (await buy(inMerchant, variantId)) result.granted += 1
        else result.refused += 1
        result.latencies.push(performance.now() - before)
      }
    }),
  )
  const { user, system } = process.cpuUsage(cpu)
  return { ...result, cpuMs: (user + system) / 1_000 }
}

const BUY: Record<Form, (inMerchant: InMerchant, variantId: string) => Promise<boolean>> = {
  counter: async () => {
    const rows = await counter`update bench_hot set reserved = reserved + 1 where id = 1 and on_hand - reserved >= 1 returning id`
    return rows.length > 0
  },
  alone: (inMerchant, variantId) =>
    isGranted(
      inMerchant((tx) => {
        const lines = [{ variantId, quantity: 1n }]
        return reserveStock(tx, { holder: { cartId: newId() }, lines, minutes: 10, actor: ACTOR, now: new Date() })
      }),
    ),
  'in turn': (inMerchant, variantId) =>
    isGranted(reserveInTurn(inMerchant, { cartId: newId(), variantId, quantity: 1n, minutes: 10, actor: ACTOR, now: new Date() })),
}

async function isGranted(reserving: Promise<void>): Promise<boolean> {
  try {
    await reserving
    return true
  } catch (error) {
    if (error instanceof Refusal && error.code === 'insufficient_stock') return false
    throw error
  }
}
