import { setTimeout as pause } from 'node:timers/promises'
import { Router } from '@souk/tenant-router/router.ts'
import { CELLS, type MovingWorld } from './moving-world.ts'

const EVERY_MS = 25
const CONNECTIONS = 2

/** When the moved shop could be written to. */
export interface Writability {
  stop(): Promise<readonly number[]>
}

/**
 * Somebody who writes for the moved shop again and again, through the door that every process goes through, and notes when it went well:
 * whether a merchant can be written to must not hang on one API process, which has to start again after it was killed. A row is locked as
 * for a change, and that is committed to the log: no stream carries it, so what neighbours feel of a move is not made by whoever looks.
 */
export async function watchWritability({ house, moved }: MovingWorld): Promise<Writability> {
  const cellUrls = Object.fromEntries(CELLS.map((name) => [name, house.cell(name).url('souk_app')]))
  const router = new Router({
    directoryUrl: house.url('souk_app'),
    baseDomain: 'localhost',
    cellUrls,
    connectionsPerCell: CONNECTIONS,
  })
  await router.listen()
  const wentWellAt: number[] = []
  let isStopped = false
  const writing = (async () => {
    while (!isStopped) {
      await write(router, moved.id).then(
        () => wentWellAt.push(performance.now()),
        () => {},
      )
      await pause(EVERY_MS)
    }
  })()
  return {
    stop: async () => {
      isStopped = true
      await writing
      await router.close()
      return wentWellAt
    },
  }
}

async function write(router: Router, merchantId: string): Promise<void> {
  const merchant = await router.directory.byId(merchantId)
  if (!merchant) throw new Error('the directory does not know the shop')
  await router.inMerchant(merchant)(
    (tx) => tx.sql`
      select id from product where merchant_id = ${tx.merchantId} order by id limit 1 for update`,
  )
}
