import type { Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import { ADDRESSES_PER_CUSTOMER_MAX } from './account-limits.ts'
import { lockCustomer } from './change-customers.ts'

/** The fields of a postal address as the cart has it. */
export type SavedPostalAddress = Record<string, string | undefined>

export interface SavedAddress {
  id: string
  address: SavedPostalAddress
  defaultShipping: boolean
  defaultBilling: boolean
}

export interface AddressInput {
  address: SavedPostalAddress
  defaultShipping?: boolean | undefined
  defaultBilling?: boolean | undefined
}

/** A customer's addresses, in the order in which they were saved. */
export async function listAddresses(tx: Pick<Tx, 'merchantId' | 'sql'>, customerId: string): Promise<SavedAddress[]> {
  return tx.sql<SavedAddress[]>`
    select id, address, default_shipping as "defaultShipping", default_billing as "defaultBilling" from customer_address
    where merchant_id = ${tx.merchantId} and customer_id = ${customerId} order by id`
}

/** Saves an address. The first one is the default for everything. Refuses `too_many`. */
export async function addAddress(tx: Tx, customerId: string, input: AddressInput & { now: Date }): Promise<SavedAddress> {
  await lockCustomer(tx, customerId)
  const known = await listAddresses(tx, customerId)
  if (known.length >= ADDRESSES_PER_CUSTOMER_MAX)
    throw new Refusal('too_many', { detail: `A customer has at most ${ADDRESSES_PER_CUSTOMER_MAX} addresses.` })
  const isFirst = known.length === 0
  const saved = {
    id: newId(input.now),
    address: input.address,
    defaultShipping: isFirst || input.defaultShipping === true,
    defaultBilling: isFirst || input.defaultBilling === true,
  }
  await makeRoomForDefaults(tx, customerId, saved)
  await tx.sql`
    insert into customer_address (merchant_id, id, customer_id, address, default_shipping, default_billing, created_at, updated_at)
    values (${tx.merchantId}, ${saved.id}, ${customerId}, ${JSON.stringify(saved.address)}::jsonb, ${saved.defaultShipping}, ${saved.defaultBilling},
      ${input.now}, ${input.now})`
  return saved
}

/** Changes an address; what is absent stays. Refuses `not_found`. */
export async function changeAddress(
  tx: Tx,
  customerId: string,
  addressId: string,
  changes: Partial<AddressInput> & { now: Date },
): Promise<SavedAddress> {
  await lockCustomer(tx, customerId)
  const before = (await listAddresses(tx, customerId)).find(({ id }) => id === addressId)
  if (!before) throw noAddress()
  const after = {
    ...before,
    address: changes.address ?? before.address,
    defaultShipping: changes.defaultShipping ?? before.defaultShipping,
    defaultBilling: changes.defaultBilling ?? before.defaultBilling,
  }
  await makeRoomForDefaults(tx, customerId, after)
  await tx.sql`
    update customer_address set address = ${JSON.stringify(after.address)}::jsonb, default_shipping = ${after.defaultShipping},
      default_billing = ${after.defaultBilling}, updated_at = ${changes.now}
    where merchant_id = ${tx.merchantId} and id = ${addressId}`
  return after
}

/** Forgets an address. Refuses `not_found`. */
export async function removeAddress(tx: Tx, customerId: string, addressId: string): Promise<void> {
  const removed = await tx.sql`
    delete from customer_address where merchant_id = ${tx.merchantId} and id = ${addressId} and customer_id = ${customerId} returning id`
  if (removed.length === 0) throw noAddress()
}

/** There is one default of each kind: what the address is to be, the others are no longer. */
async function makeRoomForDefaults(tx: Tx, customerId: string, { id, defaultShipping, defaultBilling }: SavedAddress): Promise<void> {
  if (!defaultShipping && !defaultBilling) return
  await tx.sql`
    update customer_address set default_shipping = default_shipping and not ${defaultShipping}, default_billing = default_billing and not ${defaultBilling}
    where merchant_id = ${tx.merchantId} and customer_id = ${customerId} and id <> ${id}
      and (default_shipping and ${defaultShipping} or default_billing and ${defaultBilling})`
}

function noAddress(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such address.' })
}
