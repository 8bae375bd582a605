import type { Actor } from '@souk/core/actor.ts'
import { newId } from '@souk/core/ids.ts'
import { checkNewMerchant, type NewMerchant, setUpMerchant } from '@souk/core/merchant/provision.ts'
import { type NewStaff, prepareStaff } from '@souk/core/merchant/staff.ts'
import { Refusal } from '@souk/core/refusal.ts'
import type { Router } from '@souk/tenant-router/router.ts'
import type { Cells } from './cells.ts'
import type { DirectoryMerchant, Merchants, ProvisioningRequest } from './merchants.ts'

export interface Provisioning {
  merchants: Merchants
  cells: Cells
  router: Router
  /** Called between the steps. Tests die here. */
  step?: (name: 'begun' | 'admitted' | 'set_up') => void
}

interface Answer {
  statusCode: number
  body: string
  replayed: boolean
}

/**
 * Makes a merchant in four steps, each of which may be repeated: the directory lists it as 'provisioning', its cell lets it
 * in, its own database gets settings, counters and an owner in one transaction, the directory opens it. A process that dies on
 * the way leaves a merchant nobody can reach; the same request, sent again with its key, finishes it.
 */
export async function provisionMerchant(
  given: { merchant: NewMerchant; owner: NewStaff; request: ProvisioningRequest; actor: Actor; now: Date },
  { merchants, cells, router, step = () => {} }: Provisioning,
  answer: (merchant: DirectoryMerchant) => { statusCode: number; body: string },
): Promise<Answer> {
  checkNewMerchant(given.merchant)
  const earlier = await merchants.earlier(given.request)
  if (earlier && earlier.fingerprint !== given.request.fingerprint) {
    throw new Refusal('idempotency_key_reused', { detail: 'This Idempotency-Key came with another request before.' })
  }
  if (earlier && earlier.statusCode !== 0) return { statusCode: earlier.statusCode, body: earlier.body, replayed: true }

  const id = earlier?.body ?? newId(given.now)
  if (!earlier) {
    const { slug, name } = given.merchant
    await merchants.begin(given.request, { id, slug, name, cell: await cells.forNewMerchant(), now: given.now })
  }
  step('begun')
  const listed = await merchants.find(id)
  await cells.admit(listed.cell, id)
  step('admitted')
  const owner = await prepareStaff(given.owner)
  const home = await router.directory.refresh(id)
  if (!home) throw new Error('the directory does not know the merchant it was just given')
  await router.inMerchant(home)((tx) => setUpMerchant(tx, { merchant: given.merchant, owner, actor: given.actor, now: given.now }))
  step('set_up')
  const response = answer({ ...listed, status: 'active' })
  await merchants.finish(given.request, id, response)
  return { ...response, replayed: false }
}
