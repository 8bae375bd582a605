import { type Answer, type Call, expectOk } from './http-client.ts'
import { type Body, type PluginSetup, type PromotionSetup, type ShopSetup, withIds } from './shop-setup.ts'

type Client = (call: Call) => Promise<Answer>
type Entity = Body & { id: string }

/** Somebody of the merchant's staff, at work. */
export interface Staff {
  read(path: string): Promise<Body>
  /** Every page of a list. */
  list(path: string): Promise<Entity[]>
  write(method: 'POST' | 'PATCH' | 'PUT', path: string, json: Body): Promise<Entity>
}

export type BuildPlugin = (plugin: string) => Promise<{ manifest: object; source: string }>

const REASON = 'Opening the demo shop'
const PAGE = 100

export function staffOf(client: Client, token: string): Staff {
  const read = async (path: string) => expectOk(await client({ method: 'GET', path, token }), `Reading ${path}`)
  return {
    read,
    async list(path) {
      const entities: Entity[] = []
      for (let page = await read(path); ; ) {
        entities.push(...(page.data as Entity[]))
        if (typeof page.next_cursor !== 'string') return entities
        page = await read(`${path}${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(page.next_cursor)}`)
      }
    },
    async write(method, path, json) {
      return expectOk(await client({ method, path, token, json }), `${method} ${path} of ${nameOf(json)}`) as Entity
    },
  }
}

/**
 * Makes what the shop's setup has and the shop has not, and leaves alone what is there: whatever was changed since stays so.
 * Each thing is found again by what it is called; a run that was killed anywhere is finished by the next. Answers how many
 * things were made.
 */
export async function setUpShop(staff: Staff, setup: ShopSetup, buildPlugin: BuildPlugin): Promise<number> {
  const made = { count: 0 }
  const ids = new Map<string, string>()
  const catalogue = once(() => readCatalogue(staff))
  await setUpCollections(staff, setup, catalogue, made)
  await setUpCustomers(staff, setup, made)
  await setUpTaxes(staff, setup, made)
  await setUpShipping(staff, setup, ids, made)
  await setUpPromotions(staff, setup.promotions ?? [], { ids, catalogue, made })
  for (const plugin of setup.plugins ?? []) await setUpPlugin(staff, plugin, buildPlugin, made)
  return made.count
}

interface Catalogue {
  /** By handle. */
  products: Map<string, string>
  /** By `sku:` and the SKU. */
  variants: Map<string, string>
}

async function readCatalogue(staff: Staff): Promise<Catalogue> {
  const products = (await staff.list(`/v1/admin/products?limit=${PAGE}`)) as (Entity & { handle: string; variants: Entity[] })[]
  return {
    products: new Map(products.map(({ handle, id }) => [handle, id])),
    variants: new Map(products.flatMap(({ variants }) => variants.map(({ sku, id }) => [`sku:${sku}`, id] as const))),
  }
}

async function setUpCollections(staff: Staff, { collections = [] }: ShopSetup, catalogue: () => Promise<Catalogue>, made: Made) {
  if (collections.length === 0) return
  const kept = await keyed(staff, '/v1/admin/collections', ({ handle }) => handle)
  for (const { products, ...collection } of collections) {
    const { id, product_count: count } = kept.get(collection.handle) ?? (await make(staff, '/v1/admin/collections', collection, made))
    if (Number(count) >= products.length) continue
    const known = (await catalogue()).products
    const productIds = products.map((handle) => known.get(handle)).filter((product) => product !== undefined)
    await make(staff, `/v1/admin/collections/${id}/products`, { product_ids: productIds }, made)
  }
}

async function setUpCustomers(staff: Staff, { customer_groups = [], customers = [] }: ShopSetup, made: Made): Promise<void> {
  if (customer_groups.length + customers.length === 0) return
  const groups = await keyed(staff, '/v1/admin/customer-groups', ({ handle }) => handle)
  for (const group of customer_groups)
    if (!groups.has(group.handle)) groups.set(group.handle, await make(staff, '/v1/admin/customer-groups', group, made))
  const kept = await keyed(staff, `/v1/admin/customers?limit=${PAGE}`, ({ email }) => email)
  for (const { groups: handles, ...fields } of customers) {
    const customer = kept.get(fields.email) ?? (await make(staff, '/v1/admin/customers', fields, made))
    const joined = (customer.groups as { handle: string }[]).map(({ handle }) => handle)
    for (const handle of handles.filter((each) => !joined.includes(each)))
      await make(staff, `/v1/admin/customer-groups/${groups.get(handle)!.id}/members`, { customer_id: customer.id }, made)
  }
}

/** Settings come before the first rate: where there are rates they were made once, and stay as they were changed since. */
async function setUpTaxes(staff: Staff, { settings, tax_settings, tax_rates = [] }: ShopSetup, made: Made): Promise<void> {
  if (tax_rates.length === 0) return
  const kept = await keyed(staff, `/v1/admin/tax-rates?limit=${PAGE}`, placeOf)
  if (kept.size === 0) {
    if (settings) await staff.write('PATCH', '/v1/admin/settings', settings)
    if (tax_settings) await staff.write('PATCH', '/v1/admin/tax-settings', tax_settings)
  }
  for (const rate of tax_rates) if (!kept.has(placeOf(rate))) await make(staff, '/v1/admin/tax-rates', rate, made)
}

/** What goods, and where: names are not unique. */
function placeOf({ country, region = null, postcode_from = null, category = 'standard' }: Body): string {
  return JSON.stringify([country, region, postcode_from, category])
}

async function setUpShipping(staff: Staff, setup: ShopSetup, ids: Map<string, string>, made: Made): Promise<void> {
  const { shipping_zones = [], shipping_methods = [] } = setup
  if (shipping_methods.length === 0) return
  const zones = await keyed(staff, '/v1/admin/shipping-zones', ({ name }) => name)
  for (const zone of shipping_zones) {
    const { id } = zones.get(zone.name) ?? (await make(staff, '/v1/admin/shipping-zones', zone, made))
    ids.set(`zone:${zone.name}`, id)
  }
  const methods = await keyed(staff, '/v1/admin/shipping-methods', ({ code }) => code)
  for (const method of shipping_methods)
    if (!methods.has(method.code)) await make(staff, '/v1/admin/shipping-methods', withIds(method, ids) as Body, made)
}

/** Codes come before a promotion is in force: one that is, is complete. */
async function setUpPromotions(
  staff: Staff,
  promotions: readonly PromotionSetup[],
  { ids, catalogue, made }: { ids: Map<string, string>; catalogue: () => Promise<Catalogue>; made: Made },
): Promise<void> {
  if (promotions.length === 0) return
  const kept = await keyed(staff, `/v1/admin/promotions?limit=${PAGE}`, ({ name }) => name)
  for (const { state, coupons = [], coupon_batches = [], ...written } of promotions) {
    const found = kept.get(written.name)
    if (found && (state === 'draft' || found.state !== 'draft')) continue
    if (JSON.stringify(written).includes('"sku:')) for (const [sku, id] of (await catalogue()).variants) ids.set(sku, id)
    const body = { ...(withIds(written, ids) as Body), reason: REASON }
    const { id, latest_version: version } = found ?? (await make(staff, '/v1/admin/promotions', body, made))
    const codes = await keyed(staff, `/v1/admin/coupons?promotion_id=${id}&limit=${PAGE}`, ({ code }) => code)
    for (const coupon of coupons)
      if (!codes.has(coupon.code)) await make(staff, '/v1/admin/coupons', { ...coupon, promotion_id: id, reason: REASON }, made)
    const batches = await keyed(staff, `/v1/admin/coupon-batches?promotion_id=${id}&limit=${PAGE}`, ({ name }) => name)
    for (const batch of coupon_batches)
      if (!batches.has(batch.name)) await make(staff, '/v1/admin/coupon-batches', { ...batch, promotion_id: id, reason: REASON }, made)
    if (state === 'draft') continue
    await make(staff, `/v1/admin/promotions/${id}/publish`, { version, skip_dry_run: true, reason: REASON }, made)
  }
}

/** As its author would: built with the SDK, pushed, installed. The same release may be pushed twice. */
async function setUpPlugin(staff: Staff, setup: PluginSetup, buildPlugin: BuildPlugin, made: Made): Promise<void> {
  const installs = await keyed(staff, '/v1/admin/plugins/installs', ({ plugin }) => plugin)
  if (installs.has(setup.plugin)) return
  const { manifest, source } = await buildPlugin(setup.plugin)
  await make(staff, '/v1/admin/plugins/releases', { manifest, bundle: source }, made)
  await make(staff, '/v1/admin/plugins/installs', setup, made)
}

interface Made {
  count: number
}

async function make(staff: Staff, path: string, body: Body, made: Made): Promise<Entity> {
  const entity = await staff.write('POST', path, body)
  made.count += 1
  return entity
}

async function keyed(staff: Staff, path: string, keyOf: (entity: Entity) => unknown): Promise<Map<string, Entity>> {
  return new Map((await staff.list(path)).map((entity) => [String(keyOf(entity)), entity]))
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined
  return () => {
    made ??= make()
    return made
  }
}

function nameOf({ name, title, code, handle, email, plugin }: Body): string {
  return String(name ?? title ?? code ?? handle ?? email ?? plugin ?? 'it')
}
