import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordEvent } from '../events/record.ts'
import { loadStaffMember } from '../merchant/manage-staff.ts'
import { type Scope, scopesOfRole } from '../merchant/scopes.ts'
import { Refusal } from '../refusal.ts'
import { assertStep, type Fulfillment, holdFulfillment, loadFulfillment } from './fulfillment.ts'

interface By {
  actor: Actor
  now: Date
}

/**
 * A member of staff takes what nobody has: to pick it, or to pack what is picked. Of two who take it at once one has it, and the
 * other is refused `invalid_state`. Taking what one has already changes nothing.
 */
export async function takeFulfillment(tx: Tx, id: string, { actor, now }: By): Promise<Fulfillment> {
  const staffId = staffIdOf(actor)
  // One statement: whoever waited for the other sees what the other wrote.
  const taken = await tx.sql`
    update fulfillment set status = 'picking', assigned_to = ${staffId}
    where merchant_id = ${tx.merchantId} and id = ${id} and (assigned_to is null or assigned_to = ${staffId} and status = 'to_pick')
      and (status = 'to_pick' or status = 'picking' and picked_at is not null)
    returning id`
  const fulfillment = await loadFulfillment(tx, id)
  if (taken.length > 0) {
    await tellAssigned(tx, fulfillment, 'fulfillment.taken', { actor, now })
    return fulfillment
  }
  if (fulfillment.status === 'picking' && fulfillment.assignedTo === staffId) return fulfillment
  throw new Refusal('invalid_state', {
    detail: fulfillment.assignedTo === null ? `A fulfillment that is ${fulfillment.status} is not to be taken.` : 'Somebody else has it.',
    extra: { current_state: fulfillment.assignedTo === null ? fulfillment.status : 'taken' },
  })
}

/**
 * Gives a fulfillment to a member of staff to pick or pack, or to nobody: what was begun then is to pick again. Refuses
 * `invalid_state` once it is packed, and for somebody who may not handle goods.
 */
export async function assignFulfillment(tx: Tx, id: string, staffId: string | null, by: By): Promise<Fulfillment> {
  const { fulfillment } = await holdFulfillment(tx, id)
  assertStep(fulfillment, ['to_pick', 'picking'], 'assigned')
  if (staffId !== null) await assertMay(tx, staffId, 'fulfillment:write')
  const goesBack = staffId === null && fulfillment.status === 'picking' && fulfillment.pickedAt === null
  await tx.sql`
    update fulfillment set assigned_to = ${staffId}, status = case when ${goesBack} then 'to_pick' else status end
    where merchant_id = ${tx.merchantId} and id = ${id}`
  const after = await loadFulfillment(tx, id)
  await tellAssigned(tx, after, 'fulfillment.assigned', by)
  return after
}

/** Says who of the staff brings it to the buyer, or nobody. Refuses `invalid_state` once it is delivered or a carrier has it. */
export async function assignCourier(tx: Tx, id: string, staffId: string | null, by: By): Promise<Fulfillment> {
  const { fulfillment } = await holdFulfillment(tx, id)
  assertStep(fulfillment, ['to_pick', 'picking', 'packed', 'shipped'], 'given to a courier')
  if (fulfillment.shipmentId !== null || (fulfillment.status === 'shipped' && fulfillment.courierId === null)) {
    throw new Refusal('invalid_state', { detail: 'A carrier has it.', extra: { current_state: 'with_carrier' } })
  }
  if (fulfillment.status === 'shipped' && staffId === null)
    throw new Refusal('invalid_state', { detail: 'It is on its way: say who has it.', extra: { current_state: 'shipped' } })
  if (staffId !== null) await assertMay(tx, staffId, 'deliveries:write')
  await tx.sql`update fulfillment set courier_id = ${staffId} where merchant_id = ${tx.merchantId} and id = ${id}`
  const after = await loadFulfillment(tx, id)
  await tellAssigned(tx, after, 'fulfillment.courier_assigned', by)
  return after
}

/** Refuses `invalid_state` when somebody else has it. Integrations act for whoever has it. */
export function assertInHandsOf(fulfillment: Fulfillment, actor: Actor): void {
  if (fulfillment.assignedTo === null || actor.kind !== 'staff' || fulfillment.assignedTo === actor.id) return
  throw new Refusal('invalid_state', { detail: 'Somebody else has it.', extra: { current_state: 'taken' } })
}

function staffIdOf(actor: Actor): string {
  if (actor.kind === 'staff') return actor.id
  throw new Refusal('invalid_state', { detail: 'Only members of staff take work for themselves.', extra: { current_state: actor.kind } })
}

async function assertMay(tx: Tx, staffId: string, scope: Scope): Promise<void> {
  const member = await loadStaffMember(tx, staffId).catch((error) => {
    if (error instanceof Refusal)
      throw new Refusal('not_found', { detail: 'There is no such member of staff.', errors: [{ pointer: '/staff_id', code: 'not_found' }] })
    throw error
  })
  if (member.disabledAt === null && scopesOfRole(member.role).includes(scope)) return
  throw new Refusal('invalid_state', {
    detail: 'This member of staff may not do that.',
    errors: [{ pointer: '/staff_id', code: 'invalid_state' }],
    extra: { current_state: member.disabledAt ? 'disabled' : member.role },
  })
}

function tellAssigned(tx: Tx, { id, orderId, assignedTo, courierId, status }: Fulfillment, type: string, { actor, now }: By) {
  const data = { fulfillment_id: id, order_id: orderId, status, assigned_to: assignedTo, courier_id: courierId }
  return recordEvent(tx, { type, aggregateType: 'fulfillment', aggregateId: id, data, actor, now })
}
