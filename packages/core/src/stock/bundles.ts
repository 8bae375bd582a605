import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { type FieldProblem, Refusal } from '../refusal.ts'
import type { ByWhom } from './end-reservations.ts'
import { noLevel } from './level.ts'

export const BUNDLE_COMPONENTS_MAX = 50
export const COMPONENT_QUANTITY_MAX = 1_000

/** Units of a variant that one unit of a bundle consists of. */
export interface Component {
  variantId: string
  quantity: bigint
}

/** What a variant consists of; nothing for one that is no bundle. Refuses `not_found`. */
export async function componentsOf(tx: Pick<Tx, 'merchantId' | 'sql'>, bundleId: string): Promise<Component[]> {
  const [levels, rows] = await Promise.all([
    tx.sql`select 1 from stock_level where merchant_id = ${tx.merchantId} and variant_id = ${bundleId} limit 1`,
    tx.sql<{ component_id: string; quantity: bigint }[]>`
      select component_id, quantity from bundle_component where merchant_id = ${tx.merchantId} and bundle_id = ${bundleId} order by component_id`,
  ])
  if (levels.length === 0) throw noLevel()
  return rows.map((row) => ({ variantId: row.component_id, quantity: row.quantity }))
}

/**
 * Makes a variant a bundle of others, or, with none, an ordinary variant again. From now on it is sold as its components are
 * there; what is sold already stays what it was. Refuses `not_found`, `duplicate` for a component named twice, and
 * `invalid_state`: a bundle in a bundle, or a variant that has stock of its own.
 */
export async function setComponents(tx: Tx, bundleId: string, components: readonly Component[], by: ByWhom): Promise<Component[]> {
  assertOnce(components)
  const variantIds = [bundleId, ...components.map((component) => component.variantId)]
  const levels = await lockLevels(tx, variantIds)
  assertFound(levels, bundleId, components)
  const before = await componentsOf(tx, bundleId)
  await assertFlat(tx, bundleId, components)
  if (before.length === 0 && components.length > 0) assertEmpty(levels.filter((level) => level.variant_id === bundleId))
  const wanted = components.map((component) => ({ component_id: component.variantId, quantity: component.quantity.toString() }))
  await Promise.all([
    tx.sql`delete from bundle_component where merchant_id = ${tx.merchantId} and bundle_id = ${bundleId}`,
    tx.sql`
      insert into bundle_component (merchant_id, bundle_id, component_id, quantity)
      select ${tx.merchantId}, ${bundleId}::uuid, component_id, quantity
      from jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb) as c (component_id uuid, quantity bigint)`,
    ...levelQueries(tx, bundleId, components.length > 0),
    recordAudit(tx, {
      action: 'variant.components_changed',
      targetType: 'variant',
      targetId: bundleId,
      before: { components: before },
      after: { components },
      reason: '',
      ...by,
    }),
  ])
  return componentsOf(tx, bundleId)
}

interface LockedLevel {
  variant_id: string
  is_used: boolean
}

/** In claim order: whoever sells these variants at this moment is waited for, and nobody makes bundles of them meanwhile. */
async function lockLevels(tx: Tx, variantIds: readonly string[]): Promise<LockedLevel[]> {
  return [
    ...(await tx.sql<LockedLevel[]>`
      select variant_id, (on_hand, reserved, allocated) <> (0, 0, 0) as is_used from stock_level
      where merchant_id = ${tx.merchantId} and variant_id = any(${variantIds as string[]}::uuid[])
      order by variant_id, location_id
      for no key update`),
  ]
}

/** A bundle has one level, at the default location, which says that it is one. */
function levelQueries(tx: Tx, bundleId: string, isBundle: boolean): Query[] {
  const marked = tx.sql`
    update stock_level set bundle = ${isBundle} where merchant_id = ${tx.merchantId} and variant_id = ${bundleId}`
  if (!isBundle) return [marked]
  const others = tx.sql`
    delete from stock_level l using merchant_settings s
    where s.merchant_id = ${tx.merchantId} and l.merchant_id = ${tx.merchantId} and l.variant_id = ${bundleId} and l.location_id <> s.default_location_id`
  return [others, marked]
}

function assertOnce(components: readonly Component[]): void {
  const errors = problems(
    components,
    (component, index) => components.findIndex((other) => other.variantId === component.variantId) < index,
    'duplicate',
  )
  if (errors.length > 0) throw new Refusal('duplicate', { detail: 'A component is named once, with its quantity.', errors })
}

function assertFound(levels: readonly LockedLevel[], bundleId: string, components: readonly Component[]): void {
  const found = new Set(levels.map((level) => level.variant_id))
  if (!found.has(bundleId)) throw noLevel()
  const errors = problems(components, (component) => !found.has(component.variantId), 'not_found')
  if (errors.length > 0) throw new Refusal('not_found', { detail: 'There is no such variant.', errors })
}

async function assertFlat(tx: Tx, bundleId: string, components: readonly Component[]): Promise<void> {
  const ids = components.map((component) => component.variantId)
  const [inner, outer] = await Promise.all([
    tx.sql<{ bundle_id: string }[]>`
      select distinct bundle_id from bundle_component where merchant_id = ${tx.merchantId} and bundle_id = any(${ids}::uuid[])`,
    tx.sql`select 1 from bundle_component where merchant_id = ${tx.merchantId} and component_id = ${bundleId} limit 1`,
  ])
  const bundles = new Set([bundleId, ...inner.map((row) => row.bundle_id)])
  const errors = problems(components, (component) => bundles.has(component.variantId), 'bundle')
  if (errors.length === 0 && (outer.length === 0 || components.length === 0)) return
  throw new Refusal('invalid_state', { detail: 'A bundle consists of goods, not of bundles.', errors, extra: { current_state: 'bundle' } })
}

function assertEmpty(levels: readonly LockedLevel[]): void {
  if (!levels.some((level) => level.is_used)) return
  throw new Refusal('invalid_state', {
    detail: 'It has stock of its own, or orders do: a bundle has none.',
    extra: { current_state: 'has_stock' },
  })
}

function problems(
  components: readonly Component[],
  isWrong: (component: Component, index: number) => boolean,
  code: string,
): FieldProblem[] {
  return components.flatMap((component, index) => (isWrong(component, index) ? [{ pointer: `/components/${index}/variant_id`, code }] : []))
}
