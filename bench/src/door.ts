import type { House, Shop } from '@souk/proofs/house.ts'
import { type InMerchant, Router } from '@souk/tenant-router/router.ts'

export const ACTOR = { kind: 'job', task: 'bench' } as const

/** The door to a shop's data for this process, as the API and the worker have it. */
export async function openDoor(house: House, shop: Shop): Promise<{ inMerchant: InMerchant; close(): Promise<void> }> {
  const url = house.url('souk_app')
  const router = new Router({ directoryUrl: url, baseDomain: 'localhost', cellUrls: { 'shared-1': url } })
  const inMerchant = router.inMerchant((await router.directory.refresh(shop.id))!)
  return { inMerchant, close: () => router.close() }
}
