import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { newId } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import { requireName } from '../text.ts'
import type { ByWhom } from './end-reservations.ts'

export const LOCATIONS_MAX = 100
export const LOCATION_NAME_MAX = 100
/** From the negative of it to it. */
export const LOCATION_PRIORITY_MAX = 1_000

/** Where goods are. Orders are served from active locations, by their priority. */
export interface Location {
  id: string
  name: string
  priority: number
  active: boolean
  /** Where new goods are opened. It is always active. */
  isDefault: boolean
  createdAt: Date
}

export interface LocationChanges {
  name?: string | undefined
  priority?: number | undefined
  active?: boolean | undefined
}

/** All locations, those that serve first before the others. There are LOCATIONS_MAX at most. */
export async function listLocations(tx: Pick<Tx, 'merchantId' | 'sql'>): Promise<Location[]> {
  return [...(await locationsQuery(tx))] as unknown as Location[]
}

/** Opens a location. Goods get a level there when some are brought. Refuses `duplicate` for a name that is taken, `too_many`. */
export async function createLocation(tx: Tx, given: { name: string; priority: number; active: boolean }, by: ByWhom): Promise<Location> {
  const existing = await lockLocations(tx)
  if (existing.length >= LOCATIONS_MAX) throw new Refusal('too_many', { detail: `A merchant has at most ${LOCATIONS_MAX} locations.` })
  const name = freeName(existing, given.name)
  const id = newId(by.now)
  const { priority, active } = given
  await tx.sql`
    insert into location (merchant_id, id, name, priority, active, created_at)
    values (${tx.merchantId}, ${id}, ${name}, ${priority}, ${active}, ${by.now})`
  const created = { id, name, priority, active, isDefault: false, createdAt: by.now }
  await record(tx, 'location.created', { before: null, after: created }, by)
  return created
}

/**
 * Changes a location. Of an inactive one nothing is sold; what orders have allocated there stays theirs. Refuses `not_found`,
 * `duplicate`, and `invalid_state` where the default location would be inactive.
 */
export async function changeLocation(tx: Tx, id: string, changes: LocationChanges, by: ByWhom): Promise<Location> {
  const existing = await lockLocations(tx)
  const before = existing.find((location) => location.id === id)
  if (!before) throw noLocation()
  const name =
    changes.name === undefined
      ? before.name
      : freeName(
          existing.filter((other) => other.id !== id),
          changes.name,
        )
  const after = { ...before, name, priority: changes.priority ?? before.priority, active: changes.active ?? before.active }
  if (before.isDefault && !after.active) {
    throw new Refusal('invalid_state', { detail: 'The default location is always active.', extra: { current_state: 'default_location' } })
  }
  await Promise.all([
    tx.sql`
      update location set name = ${after.name}, priority = ${after.priority}, active = ${after.active}
      where merchant_id = ${tx.merchantId} and id = ${id}`,
    after.active === before.active ? undefined : openOrClose(tx, id, after.active),
    record(tx, 'location.changed', { before, after }, by),
  ])
  return after
}

export function noLocation(pointer?: string): Refusal {
  const detail = 'There is no such location.'
  return new Refusal('not_found', pointer === undefined ? { detail } : { detail, errors: [{ pointer, code: 'not_found' }] })
}

function locationsQuery(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`
    select l.id, l.name, l.priority, l.active, l.id = s.default_location_id as "isDefault", l.created_at as "createdAt"
    from location l join merchant_settings s on s.merchant_id = ${tx.merchantId}
    where l.merchant_id = ${tx.merchantId}
    order by l.priority desc, l.id`
}

/** Whoever changes locations does so alone. Claims go on: they lock levels only. */
async function lockLocations(tx: Tx): Promise<Location[]> {
  const locked: Query = tx.sql`select id from location where merchant_id = ${tx.merchantId} order by id for no key update`
  const [, rows] = await Promise.all([locked, locationsQuery(tx)])
  return [...rows] as unknown as Location[]
}

/** Levels know whether they are for sale, so that nobody has to look at their location. In claim order. */
function openOrClose(tx: Tx, locationId: string, active: boolean): Query {
  return tx.sql`
    with locked as materialized (
      select variant_id from stock_level
      where merchant_id = ${tx.merchantId} and location_id = ${locationId} and active <> ${active}
      order by variant_id
      for no key update
    )
    update stock_level l set active = ${active}
    from locked k where l.merchant_id = ${tx.merchantId} and l.location_id = ${locationId} and l.variant_id = k.variant_id`
}

function freeName(existing: readonly Location[], given: string): string {
  const name = requireName('/name', given, LOCATION_NAME_MAX)
  if (existing.some((location) => location.name === name)) {
    throw new Refusal('duplicate', { detail: 'There is a location of this name.', errors: [{ pointer: '/name', code: 'duplicate' }] })
  }
  return name
}

function record(tx: Tx, action: string, { before, after }: { before: Location | null; after: Location }, by: ByWhom): Query {
  return recordAudit(tx, { action, targetType: 'location', targetId: after.id, before, after, reason: '', ...by })
}
