import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import { lockPricing } from '../merchant/pricing-revision.ts'
import { Refusal } from '../refusal.ts'
import { checkPlace, FieldProblems, type GivenPlace } from '../taxes/check-place.ts'
import { type ByWhom, changedFields, recordChange } from '../taxes/record-change.ts'
import { nameFault, TEXT_FAULTS } from '../text.ts'
import { SHIPPING_NAME_GRAPHEMES_MAX, SHIPPING_ZONES_MAX, type ShippingZone, ZONE_PLACES_MAX, type ZonePlace } from './shipping-table.ts'

/** A zone as staff give it. */
export interface NewShippingZone {
  name: string
  places: readonly Omit<GivenPlace, 'postcode_pattern'>[]
}

export type ShippingZoneRecord = ShippingZone & { updated_at: Date }

/** All zones, by id: there are at most SHIPPING_ZONES_MAX. */
export async function listZones(tx: Tx): Promise<ShippingZoneRecord[]> {
  return tx.sql<ShippingZoneRecord[]>`select ${columns(tx)} from shipping_zone where merchant_id = ${tx.merchantId} order by id`
}

/** A zone. Refuses `not_found`. */
export async function getZone(tx: Tx, zoneId: string): Promise<ShippingZoneRecord> {
  const [zone] = await tx.sql<ShippingZoneRecord[]>`
    select ${columns(tx)} from shipping_zone where merchant_id = ${tx.merchantId} and id = ${zoneId}`
  if (!zone) throw new Refusal('not_found', { detail: 'There is no such shipping zone.' })
  return zone
}

/** Makes a zone. Refuses `shipping_invalid`, `duplicate` for a name that is taken, and `too_many` beyond SHIPPING_ZONES_MAX. */
export async function createZone(tx: Tx, given: NewShippingZone, by: ByWhom): Promise<ShippingZoneRecord> {
  await lockPricing(tx)
  const zone = requireZone(given)
  const zones = await listZones(tx)
  if (zones.length >= SHIPPING_ZONES_MAX) throw new Refusal('too_many', { detail: `There may be ${SHIPPING_ZONES_MAX} shipping zones.` })
  assertNameFree(zones, zone.name)
  const id = newId(by.now)
  const [made] = await tx.sql<ShippingZoneRecord[]>`
    insert into shipping_zone (merchant_id, id, name, places, created_at, updated_at)
    values (${tx.merchantId}, ${id}, ${zone.name}, ${JSON.stringify(zone.places)}::jsonb, ${by.now}, ${by.now})
    returning ${columns(tx)}`
  await Promise.all(recordChange(tx, { type: 'shipping_zone.created', of: 'shipping_zone', id, before: null, after: made }, by))
  return made!
}

/** Changes a zone: its name, or all its places. Refuses as createZone does, and `not_found`. */
export async function updateZone(
  tx: Tx,
  zoneId: string,
  changes: { [Key in keyof NewShippingZone]?: NewShippingZone[Key] | undefined },
  by: ByWhom,
): Promise<ShippingZoneRecord> {
  await lockPricing(tx)
  const before = await getZone(tx, zoneId)
  const own = { name: before.name, places: before.places }
  const zone = requireZone({ name: changes.name ?? own.name, places: changes.places ?? own.places })
  const changed = changedFields(own, zone)
  if (changed.length === 0) return before
  if (zone.name !== own.name) assertNameFree(await listZones(tx), zone.name)
  const [after] = await tx.sql<ShippingZoneRecord[]>`
    update shipping_zone set name = ${zone.name}, places = ${JSON.stringify(zone.places)}::jsonb, updated_at = ${by.now}
    where merchant_id = ${tx.merchantId} and id = ${zoneId} returning ${columns(tx)}`
  const change = { type: 'shipping_zone.updated', of: 'shipping_zone', id: zoneId, before, after, data: { changed } }
  await Promise.all(recordChange(tx, change, by))
  return after!
}

/** Deletes a zone. Refuses `invalid_state` while a method is offered in it: nobody should find a method gone with its zone. */
export async function deleteZone(tx: Tx, zoneId: string, by: ByWhom): Promise<void> {
  await lockPricing(tx)
  const before = await getZone(tx, zoneId)
  const methods = await tx.sql<{ code: string }[]>`
    select code from shipping_method
    where merchant_id = ${tx.merchantId} and document -> 'zone_ids' ? ${zoneId}
    order by position, id`
  if (methods.length > 0) {
    const codes = methods.map(({ code }) => code)
    throw new Refusal('invalid_state', { detail: `Methods are offered in this zone: ${codes.join(', ')}.`, extra: { methods: codes } })
  }
  await tx.sql`delete from shipping_zone where merchant_id = ${tx.merchantId} and id = ${zoneId}`
  await Promise.all(recordChange(tx, { type: 'shipping_zone.deleted', of: 'shipping_zone', id: zoneId, before, after: null }, by))
}

function columns(tx: Pick<Tx, 'sql'>): Query {
  return tx.sql`id, name, places, updated_at`
}

function requireZone(given: NewShippingZone): { name: string; places: ZonePlace[] } {
  const problems = new FieldProblems()
  const fault = given.name === '' ? 'invalid_text' : nameFault(given.name, SHIPPING_NAME_GRAPHEMES_MAX)
  if (fault) problems.add('/name', fault, TEXT_FAULTS[fault])
  if (given.places.length === 0 || given.places.length > ZONE_PLACES_MAX)
    problems.add('/places', 'number_of_places', `A zone has between 1 and ${ZONE_PLACES_MAX} places.`)
  const seen = new Set<string>()
  const places = given.places.slice(0, ZONE_PLACES_MAX).map((place, index) => {
    const { postcode_pattern: _none, ...checked } = checkPlace(place, `/places/${index}`, problems)
    const key = JSON.stringify(checked)
    if (seen.has(key)) problems.add(`/places/${index}`, 'duplicate', 'This place is listed twice.')
    seen.add(key)
    return checked
  })
  problems.refuse('shipping_invalid', 'This zone cannot be used.')
  return { name: given.name.normalize('NFC'), places }
}

function assertNameFree(zones: readonly ShippingZone[], name: string): void {
  if (zones.some((zone) => zone.name === name))
    throw new Refusal('duplicate', { detail: 'There is a zone of this name already.', errors: [{ pointer: '/name', code: 'duplicate' }] })
}
