import { existsSync, readFileSync } from 'node:fs'
import { readInvariants } from '@souk/migrations/invariants.ts'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { newId } from '../ids.ts'
import type { CartFacts } from '../rules/fact-values.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { importTable, type TableFile } from './import-methods.ts'
import { shippingTableQuery, toShippingTable } from './load-shipping.ts'
import { createMethod, deleteMethod, listMethods, moveMethod, updateMethod } from './shipping-methods.ts'
import { compileShipping, shippingRates } from './shipping-rates.ts'
import { shippingMethodSchema } from './shipping-table.ts'
import { createZone, deleteZone, listZones, updateZone } from './shipping-zones.ts'

const BY = { actor: { kind: 'staff', id: newId() }, now: new Date('2026-03-02T12:00:00Z') } as const
const MAGENTO = new URL('../../../../../shared/data/catalogs/magento/shipping_tablerate.csv', import.meta.url)
const SHOP = { currency: 'EUR', shippingName: 'Standard', shippingAmount: 490n }
let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant()
})
afterAll(() => shop.close())

function create(given: Partial<z.input<typeof shippingMethodSchema>>, of = merchant) {
  const method = shippingMethodSchema.parse({ code: `m-${newId().slice(-8)}`, name: 'Post', rate: { type: 'flat', amount: 490 }, ...given })
  return of.inMerchant((tx) => createMethod(tx, { active: true, method }, BY))
}

async function tableOf(of: TestMerchant) {
  return toShippingTable(await of.inMerchant.read((tx) => shippingTableQuery(tx)), SHOP)
}

function eventsOf(id: string, of = merchant) {
  return of.inMerchant.read(
    (tx) => tx.sql`select type, data from event where merchant_id = ${tx.merchantId} and aggregate_id = ${id} order by sequence`,
  )
}

describe('the table', () => {
  it('of a shop that configured nothing is the flat rate of its settings, and no longer with the first method', async () => {
    const fresh = await shop.addMerchant()
    const before = await tableOf(fresh)
    expect(before).toMatchObject({
      currency: 'EUR',
      zones: [],
      methods: [{ code: 'flat', name: 'Standard', zone_ids: null, rate: { type: 'flat', amount: 490 } }],
    })
    const made = await create({ code: 'post' }, fresh)
    expect((await tableOf(fresh)).methods).toEqual([made.method])
    await fresh.inMerchant((tx) => updateMethod(tx, made.id, { active: false }, BY))
    expect((await tableOf(fresh)).methods).toEqual([])
    await fresh.inMerchant((tx) => deleteMethod(tx, made.id, BY))
    expect(await tableOf(fresh)).toEqual(before)
  })
})

describe('zones', () => {
  it('are made, changed and deleted, and written down', async () => {
    const zone = await merchant.inMerchant((tx) =>
      createZone(
        tx,
        {
          name: 'North',
          places: [
            { country: 'US', region: 'alaska' },
            { country: 'DE', postcode_from: '25 846', postcode_to: '25999' },
          ],
        },
        BY,
      ),
    )
    expect(zone.places).toEqual([
      { country: 'US', region: 'AK', postcode_from: null, postcode_to: null },
      { country: 'DE', region: null, postcode_from: '25846', postcode_to: '25999' },
    ])
    await merchant.inMerchant((tx) => updateZone(tx, zone.id, { name: 'Far north' }, BY))
    await merchant.inMerchant((tx) => updateZone(tx, zone.id, { name: 'Far north' }, BY))
    expect((await tableOf(merchant)).zones).toContainEqual({ id: zone.id, name: 'Far north', places: zone.places })
    await merchant.inMerchant((tx) => deleteZone(tx, zone.id, BY))
    expect((await eventsOf(zone.id)).map(({ type }) => type)).toEqual([
      'shipping_zone.created',
      'shipping_zone.updated',
      'shipping_zone.deleted',
    ])
    expect(await merchant.inMerchant.read(listZones)).toEqual([])
  })

  it.each([
    ['no place', { name: 'A', places: [] }, '/places', 'number_of_places'],
    ['a place twice', { name: 'A', places: [{ country: 'DE' }, { country: 'DE' }] }, '/places/1', 'duplicate'],
    ['a country that is none', { name: 'A', places: [{ country: 'XX' }] }, '/places/0/country', 'unknown_country'],
    ['a region of another country', { name: 'A', places: [{ country: 'DE', region: 'CA' }] }, '/places/0/region', 'unknown_region'],
    ['no name', { name: '', places: [{ country: 'DE' }] }, '/name', 'invalid_text'],
  ])('are refused with %s', async (_what, given, pointer, code) => {
    await expect(merchant.inMerchant((tx) => createZone(tx, given, BY))).rejects.toMatchObject({
      code: 'shipping_invalid',
      details: { errors: [{ pointer, code }] },
    })
  })

  it('of one name are one, also when ten are made at once; one in use stays', async () => {
    const of = await shop.addMerchant()
    const attempts = Array.from({ length: 10 }, () =>
      of.inMerchant((tx) => createZone(tx, { name: 'EU', places: [{ country: 'DE' }] }, BY)),
    )
    const outcomes = await Promise.allSettled(attempts)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const [zone] = await of.inMerchant.read(listZones)
    const method = await create({ code: 'eu', zone_ids: [zone!.id] }, of)
    await expect(of.inMerchant((tx) => deleteZone(tx, zone!.id, BY))).rejects.toMatchObject({
      code: 'invalid_state',
      details: { extra: { methods: ['eu'] } },
    })
    await of.inMerchant((tx) => updateMethod(tx, method.id, { method: { zone_ids: null } }, BY))
    await of.inMerchant((tx) => deleteZone(tx, zone!.id, BY))
  })

  it('cannot be deleted while a method comes to be offered in it', async () => {
    const of = await shop.addMerchant()
    const zone = await of.inMerchant((tx) => createZone(tx, { name: 'EU', places: [{ country: 'DE' }] }, BY))
    const [made, deleted] = await Promise.allSettled([
      create({ zone_ids: [zone.id] }, of),
      of.inMerchant((tx) => deleteZone(tx, zone.id, BY)),
    ])
    expect([made.status, deleted.status].sort()).toEqual(['fulfilled', 'rejected'])
  })
})

it('a method whose zone is gone is found', async () => {
  const of = await shop.addMerchant()
  const zone = await of.inMerchant((tx) => createZone(tx, { name: 'EU', places: [{ country: 'DE' }] }, BY))
  await create({ zone_ids: [zone.id] }, of)
  await create({}, of)
  const invariant = (await readInvariants()).find(({ name }) => name === '43_shipping_zones_exist')!
  const violations = async () => [...(await of.inMerchant.read((tx) => tx.execute(sql.raw(invariant.text))))]
  expect(await violations()).toEqual([])
  await of.inMerchant((tx) => tx.sql`delete from shipping_zone where merchant_id = ${tx.merchantId} and id = ${zone.id}`)
  expect(await violations()).toMatchObject([{ zone_id: zone.id }])
})

describe('methods', () => {
  it('are kept in order, changed and written down; the code stays', async () => {
    const of = await shop.addMerchant()
    const made = [await create({ code: 'a' }, of), await create({ code: 'b' }, of), await create({ code: 'c' }, of)]
    expect(made.map(({ position }) => position)).toEqual([1, 2, 3])
    const move = async (index: number, position: number) => {
      const moved = await of.inMerchant((tx) => moveMethod(tx, made[index]!.id, position, BY))
      expect(moved.map(({ position }) => position)).toEqual([1, 2, 3])
      return moved.map(({ method }) => method.code).join('')
    }
    expect([await move(0, 3), await move(0, 1), await move(1, 99), await move(1, 3), await move(2, 1)]).toEqual([
      'bca',
      'abc',
      'acb',
      'acb',
      'cab',
    ])
    expect((await tableOf(of)).methods.map(({ code }) => code)).toEqual(['c', 'a', 'b'])
    await of.inMerchant((tx) => updateMethod(tx, made[0]!.id, { method: { name: 'Parcel', free_from: 5000 } }, BY))
    const [, renamed] = (await tableOf(of)).methods
    expect(renamed).toMatchObject({ code: 'a', name: 'Parcel', free_from: 5000 })
    expect((await eventsOf(made[0]!.id, of)).at(-1)).toMatchObject({
      type: 'shipping_method.updated',
      data: { code: 'a', changed: ['name', 'free_from'] },
    })
    await expect(of.inMerchant((tx) => moveMethod(tx, newId(), 1, BY))).rejects.toMatchObject({ code: 'not_found' })
  })

  it('are offered by their conditions once they are stored', async () => {
    const of = await shop.addMerchant()
    await create({ code: 'vip', conditions: { all: [{ fact: 'customer.groups', operator: 'contains', value: 'vip' }] } }, of)
    const compiled = compileShipping(await tableOf(of))
    const parcel = { destination: null, subtotal: 0n, grams: 0n, quantity: 1n }
    const offered = (groups: string[]) =>
      shippingRates(compiled, { ...parcel, facts: { 'customer.groups': groups } as unknown as CartFacts })[0]!.available
    expect([offered(['vip']), offered([])]).toEqual([true, false])
  })

  it.each([
    ['a zone that is not there', { zone_ids: [newId()] }, 'shipping_invalid', '/zone_ids/0', 'unknown_zone'],
    ['limits the wrong way round', { subtotal_min: 2, subtotal_max: 1 }, 'shipping_invalid', '/subtotal_max', 'ends_before_it_begins'],
    ['weights the wrong way round', { grams_min: 2, grams_max: 1 }, 'shipping_invalid', '/grams_max', 'ends_before_it_begins'],
    [
      'two steps at one weight',
      {
        rate: {
          type: 'by_weight',
          steps: [
            { from_grams: 1, amount: 1 },
            { from_grams: 1, amount: 2 },
          ],
        },
      },
      'shipping_invalid',
      '/rate/steps/1',
      'duplicate',
    ],
    [
      'two rows for one place',
      {
        rate: {
          type: 'table',
          by: 'weight',
          rows: [
            { country: 'US', region: 'AK', amount: 1 },
            { country: 'US', region: 'AK', amount: 2 },
          ],
        },
      },
      'shipping_invalid',
      '/rate/rows/1',
      'duplicate',
    ],
    [
      'a row for no country',
      { rate: { type: 'table', by: 'weight', rows: [{ country: 'XX', amount: 1 }] } },
      'shipping_invalid',
      '/rate/rows/0/country',
      'unknown_country',
    ],
    ['a tax category that cannot be one', { tax_category: 'A B' }, 'shipping_invalid', '/tax_category', 'invalid_tax_category'],
    [
      'a fact that nobody knows',
      { conditions: { all: [{ fact: 'weather', operator: 'equal', value: 'sun' }] } },
      'rule_invalid',
      '/conditions/all/0/fact',
      'fact_unknown',
    ],
    [
      'a path into a fact',
      { conditions: { all: [{ fact: 'cart.subtotal', operator: 'equal', value: 1, path: '$.x' }] } },
      'rule_invalid',
      '/conditions/all/0/path',
      'refused_field',
    ],
    [
      'its own price',
      { conditions: { all: [{ fact: 'shipping.amount', operator: 'lessThan', value: 1000 }] } },
      'rule_invalid',
      '/conditions',
      'circular',
    ],
  ])('are refused with %s', async (_what, given, code, pointer, problem) => {
    const errors = expect.arrayContaining([expect.objectContaining({ pointer, code: problem })])
    await expect(create(given as Partial<z.input<typeof shippingMethodSchema>>)).rejects.toMatchObject({ code, details: { errors } })
  })

  it('of one code are one, also when ten are made at once', async () => {
    const of = await shop.addMerchant()
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => create({ code: 'post' }, of)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await of.inMerchant.read(listMethods)).toHaveLength(1)
  })

  it("are nobody else's", async () => {
    const of = await shop.addMerchant()
    const { id } = await create({})
    await expect(of.inMerchant((tx) => deleteMethod(tx, id, BY))).rejects.toMatchObject({ code: 'not_found' })
    await expect(of.inMerchant((tx) => updateMethod(tx, id, { active: false }, BY))).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe("Magento's table rates", () => {
  const FILE = 'country,region,zip,order_subtotal,price\nUS,*,*,0,15\nUS,*,*,50,10\nUS,AK,*,0,20.50\nUS,AK,99501,0,25\n'
  const take = (content: string, of: TestMerchant, more: Partial<TableFile> = {}) =>
    of.inMerchant((tx) => importTable(tx, { content, code: 'table', name: 'Table', weightUnit: 'kg', ...more }, BY))
  const priceOf = async (of: TestMerchant, destination: [string, string | null, string | null], parcel: object) => {
    const [country, region, postcode] = destination
    const question = {
      destination: { country, region, postcode },
      subtotal: 0n,
      grams: 0n,
      quantity: 1n,
      facts: {} as CartFacts,
      ...parcel,
    }
    return shippingRates(compileShipping(await tableOf(of)), question)[0]!.amount
  }

  it('become a method; the same file again writes nothing, a newer one changes it', async () => {
    const of = await shop.addMerchant()
    expect(await take(FILE, of)).toMatchObject({ outcome: 'created', rows: 4, refused: [] })
    expect(await take(FILE, of)).toMatchObject({ outcome: 'unchanged' })
    expect(await eventsOf((await take(FILE, of)).method.id, of)).toHaveLength(1)
    expect(await priceOf(of, ['US', 'NY', '10001'], { subtotal: 4999n })).toBe(1500n)
    expect(await priceOf(of, ['US', 'NY', '10001'], { subtotal: 5000n })).toBe(1000n)
    expect(await priceOf(of, ['US', 'AK', '99801'], { subtotal: 5000n })).toBe(2050n)
    expect(await priceOf(of, ['US', 'AK', '99501'], {})).toBe(2500n)
    expect(await take(`${FILE}*,*,*,0,30\n`, of)).toMatchObject({ outcome: 'updated', rows: 5 })
    expect(await priceOf(of, ['FR', null, null], {})).toBe(3000n)
  })

  it("by weight, in the units of Magento's own export", async () => {
    const of = await shop.addMerchant()
    const content =
      '"Country","Region/State","Zip/Postal Code","Weight (and above)","Shipping Price"\n"USA","*","*","0.0000","5.0000"\n"USA","*","*","1.5000","9.0000"\n'
    await take(content, of, { weightUnit: 'lb' })
    // A pound and a half is 680.388555 g.
    expect(await priceOf(of, ['US', null, null], { grams: 680n })).toBe(500n)
    expect(await priceOf(of, ['US', null, null], { grams: 681n })).toBe(900n)
  })

  it('name the rows they leave out, and are refused where none is left', async () => {
    const of = await shop.addMerchant()
    const bad = 'QQ,*,*,0,1\nUS,Atlantis,*,0,1\nUS,*,*,-1,1\nUS,*,*,0,-1\nUS,*,*,0,1.005\nUS,*,*,infinity,1\n'
    expect(await take(`${FILE}${bad}US,*,*,50,11\n`, of)).toMatchObject({
      rows: 4,
      refused: [
        { line: 6, code: 'unknown_country' },
        { line: 7, code: 'unknown_region' },
        { line: 8, code: 'quantity_out_of_range' },
        { line: 9, code: 'amount_out_of_range' },
        { line: 10, code: 'amount_out_of_range' },
        { line: 11, code: 'quantity_out_of_range' },
        { line: 12, code: 'duplicate' },
      ],
    })
    await expect(take(`country,region,zip,order_subtotal,price\n${bad}`, of)).rejects.toMatchObject({ code: 'import_invalid' })
    await expect(take('a,b\n1,2\n', of)).rejects.toMatchObject({ code: 'import_invalid' })
    await expect(take('', of)).rejects.toMatchObject({ code: 'import_invalid' })
  })

  it.skipIf(!existsSync(MAGENTO))('of its sample shop (skipped where ../shared/data is missing)', async () => {
    const of = await shop.addMerchant()
    expect(await take(readFileSync(MAGENTO, 'utf8'), of)).toMatchObject({ outcome: 'created', rows: 9, refused: [] })
    const prices = await Promise.all(
      [
        ['NY', 0n],
        ['NY', 5000n],
        ['NY', 10000n],
        ['AK', 0n],
        ['AK', 5000n],
        ['HI', 9999n],
        ['HI', 10000n],
      ].map(([region, subtotal]) => priceOf(of, ['US', region as string, null], { subtotal })),
    )
    expect(prices).toEqual([1500n, 1000n, 500n, 2000n, 1500n, 1500n, 1000n])
  })
})
