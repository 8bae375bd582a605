import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Actor } from '../actor.ts'
import { listAudit } from '../audit/list-audit.ts'
import { newId } from '../ids.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import type { PromotionDraft } from './check-promotion.ts'
import { PROMOTION_BYTES_MAX } from './limits.ts'
import { listPromotions, listVersions, promotionById, versionOf } from './promotion.ts'
import { publishVersion } from './publish.ts'
import { addVersion, createPromotion } from './save-promotion.ts'

let shop: TestShop
let merchant: TestMerchant
let other: TestMerchant

const STAFF: Actor = { kind: 'staff', id: newId() }
const change = (reason = 'spring') => ({ actor: STAFF, now: new Date(), reason })

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant()
  other = await shop.addMerchant()
})
afterAll(() => shop.close())

const FROM_FIFTY = { all: [{ fact: 'cart.subtotal', operator: 'greaterThanInclusive', value: 5000 }] }
const TEN_OFF = { type: 'percentage', on: 'order', rate_ppm: 100_000, where: null } as const

function draft(given: object = {}): PromotionDraft {
  return {
    name: 'Ten off from fifty',
    trigger: 'automatic',
    priority: 100,
    stacking: { mode: 'stack', group: null },
    conditions: FROM_FIFTY,
    actions: [TEN_OFF],
    schedule: null,
    limits: {},
    ...given,
  } as PromotionDraft
}

const create = (given: object = {}, of = merchant) => of.inMerchant((tx) => createPromotion(tx, draft(given), change()))

async function problemsOf(given: object): Promise<[string, string][]> {
  const error = await create(given).catch((thrown) => thrown)
  return (error.details?.errors ?? [[String(error), '']]).map(({ pointer, code }: { pointer: string; code: string }) => [pointer, code])
}

async function warningsOf(given: object, of = merchant) {
  const { version } = await create(given, of)
  return version.warnings.map(({ pointer, code, promotion_ids }) => [pointer, code, ...(promotion_ids ?? [])])
}

describe('a new promotion', () => {
  it('is a draft with one version, which says who wrote it and why', async () => {
    const { promotion, version } = await create()
    expect(promotion).toMatchObject({ state: 'draft', latestVersion: 1, liveVersion: null, rolloutPpm: 0n, name: 'Ten off from fifty' })
    expect(version).toMatchObject({ version: 1, stage: 'draft', author: STAFF, reason: 'spring', warnings: [], firstLiveAt: null })
    expect(version.document).toMatchObject({
      id: promotion.id,
      version: 1,
      conditions: FROM_FIFTY,
      description: '',
      rollout_ppm: 1_000_000,
    })
    const { entries } = await merchant.inMerchant.read((tx) => listAudit(tx, { targetId: promotion.id }, { limit: 5 }))
    expect(entries).toMatchObject([{ action: 'promotion.created', reason: 'spring', actor: STAFF, before: null, after: { version: 1 } }])
  })

  it('keeps conditions in their checked form, those of its actions too', async () => {
    const where = { all: [{ fact: 'line.tags', operator: 'containsAny', value: ['tea', 'tea'] }] }
    const { version } = await create({ actions: [{ ...TEN_OFF, where }] })
    expect(version.document.actions[0]).toMatchObject({ where: { all: [{ value: ['tea'] }] } })
  })

  it('needs a reason', async () => {
    const saving = merchant.inMerchant((tx) => createPromotion(tx, draft(), change('  ')))
    await expect(saving).rejects.toMatchObject({ code: 'promotion_invalid', details: { errors: [{ pointer: '/reason' }] } })
  })

  it.each<[string, object, [string, string][]]>([
    ['a field nobody knows', { colour: 'red' }, [['/colour', 'unknown_field']]],
    ['no action', { actions: [] }, [['/actions', 'invalid_value']]],
    ['a rate above all', { actions: [{ ...TEN_OFF, rate_ppm: 1_000_001 }] }, [['/actions/0/rate_ppm', 'invalid_value']]],
    ['a name that cannot be read', { name: 'a\u202eb' }, [['/name', 'invalid_text']]],
    [
      'a schedule that ends first',
      { schedule: { starts_at: '2026-05-02T00:00', ends_at: '2026-05-01T00:00' } },
      [['/schedule/ends_at', 'ends_before_start']],
    ],
    ['a day that is not', { schedule: { starts_at: '2026-02-30T00:00' } }, [['/schedule/starts_at', 'no_such_day']]],
    ['half a window', { schedule: { from_minute: 600 } }, [['/schedule/to_minute', 'required']]],
    ['an empty window', { schedule: { from_minute: 600, to_minute: 600 } }, [['/schedule/to_minute', 'empty_window']]],
    ['a zone that is not', { schedule: { time_zone: 'Europe/Atlantis' } }, [['/schedule/time_zone', 'invalid_value']]],
    ['nothing off', { actions: [{ ...TEN_OFF, rate_ppm: 0 }] }, [['/actions/0/rate_percent', 'nothing_off']]],
    [
      'tiers that do not rise',
      {
        actions: [
          { type: 'tiers', on: 'order', by: 'quantity', per: 'order', where: null, tiers: [5, 5].map((from) => ({ from, rate_ppm: 1 })) },
        ],
      },
      [['/actions/0/tiers/1/from', 'tiers_not_rising']],
    ],
    [
      'gifts that are not there',
      {
        actions: [
          { type: 'gift', variant_id: newId(), quantity: 1 },
          { type: 'gift', variant_id: 'mug', quantity: 1 },
        ],
      },
      [
        ['/actions/0/variant_id', 'not_found'],
        ['/actions/1/variant_id', 'not_found'],
      ],
    ],
    [
      'conditions that are wrong in several places',
      {
        conditions: { all: [{ fact: 'cart.total', operator: 'equal', value: 1, path: '$..x' }] },
        actions: [{ ...TEN_OFF, where: { any: [] } }],
      },
      [
        ['/conditions/all/0/path', 'refused_field'],
        ['/conditions/all/0/fact', 'fact_unknown'],
        ['/actions/0/where/any', 'empty_group'],
      ],
    ],
    [
      'conditions of lines that ask for the cart',
      { actions: [{ ...TEN_OFF, where: FROM_FIFTY }] },
      [['/actions/0/where/all/0/fact', 'fact_of_other_scope']],
    ],
  ])('is refused with %s, which is named by its place', async (_name, given, problems) => {
    expect((await problemsOf(given)).sort()).toEqual(problems.sort())
  })

  it('is refused when it is too large, before it is looked at', async () => {
    const given = draft({ description: 'x'.repeat(PROMOTION_BYTES_MAX) })
    await expect(merchant.inMerchant((tx) => createPromotion(tx, given, change()))).rejects.toMatchObject({ code: 'rule_too_complex' })
  })

  it('is refused when its actions together ask for more than a hundred conditions', async () => {
    const where = { all: Array.from({ length: 11 }, (_, index) => ({ fact: 'line.sku', operator: 'notEqual', value: `A-${index}` })) }
    const actions = (count: number) => Array.from({ length: count }, () => ({ ...TEN_OFF, where }))
    expect(await problemsOf({ conditions: null, actions: actions(10) })).toEqual([['/actions', 'too_many_conditions']])
    expect((await create({ conditions: null, actions: actions(9) })).version.version).toBe(1)
  })

  it("cannot give away another merchant's variant", async () => {
    const { variantId } = await addGoods(other)
    const actions = [{ type: 'gift', variant_id: variantId, quantity: 1 }]
    expect(await problemsOf({ actions })).toEqual([['/actions/0/variant_id', 'not_found']])
    expect((await create({ actions }, other)).version.version).toBe(1)
  })
})

describe('a warning', () => {
  it('is given, and refuses nothing', async () => {
    expect(await warningsOf({ conditions: null })).toEqual([['/conditions', 'always_true']])
    const atLeastNothing = { all: [{ fact: 'cart.quantity', operator: 'greaterThanInclusive', value: 0 }] }
    expect(await warningsOf({ conditions: atLeastNothing })).toEqual([['/conditions/all/0', 'always_true']])
    expect(await warningsOf({ actions: [{ ...TEN_OFF, rate_ppm: 950_000 }] })).toEqual([['/actions/0', 'nearly_everything_off']])
    expect(await warningsOf({ actions: [{ ...TEN_OFF, rate_ppm: 950_000, amount_max: 500 }] })).toEqual([])
    expect(await warningsOf({ actions: [{ type: 'set_price', on: 'unit', amount: 0, where: null }] })).toEqual([
      ['/actions/0/amount', 'nearly_everything_off'],
    ])
    expect(await warningsOf({ schedule: { ends_at: '2020-01-01T00:00' } })).toEqual([['/schedule/ends_at', 'is_over']])
    const ofGroups = { all: [{ fact: 'customer.groups', operator: 'contains', value: 'vip' }] }
    const where = { all: [{ fact: 'line.collections', operator: 'containsAny', value: ['tea', 'mugs'] }] }
    expect(await warningsOf({ conditions: ofGroups, actions: [{ ...TEN_OFF, where }] })).toEqual([
      ['/conditions/all/0/value', 'unknown_customer_group'],
      ['/actions/0/where/all/0/value', 'unknown_collection'],
      ['/actions/0/where/all/0/value', 'unknown_collection'],
    ])
  })

  it('names the promotions in force that it meets', async () => {
    const shopper = await shop.addMerchant()
    const published = async (given: object) => {
      const { promotion } = await create(given, shopper)
      const all = { promotionId: promotion.id, version: 1, rolloutPpm: 1_000_000, withoutDryRun: true, ...change() }
      await shopper.inMerchant((tx) => publishVersion(tx, all))
      return promotion.id
    }
    const exclusive = await published({ stacking: { mode: 'exclusive', group: 'winter' } })
    const seventy = await published({ actions: [{ ...TEN_OFF, rate_ppm: 700_000 }], stacking: { mode: 'stack', group: 'summer' } })
    const summer = { mode: 'stack', group: 'summer' }
    expect(await warningsOf({ stacking: summer, actions: [{ ...TEN_OFF, rate_ppm: 700_000 }] }, shopper)).toEqual([
      ['/stacking', 'nearly_everything_off_together', seventy],
    ])
    expect(await warningsOf({ stacking: { mode: 'stack', group: 'winter' } }, shopper)).toEqual([
      ['/stacking', 'overlaps_exclusive', exclusive],
    ])
    expect(await warningsOf({ stacking: { mode: 'exclusive', group: 'summer' } }, shopper)).toEqual([['/stacking', 'shuts_out', seventy]])
    expect(await warningsOf({ stacking: { mode: 'stack', group: 'autumn' } }, shopper)).toEqual([])
  })
})

describe('a new version', () => {
  it('stands beside the one before it, which stays as it was', async () => {
    const { promotion, version: first } = await create()
    const saved = await merchant.inMerchant((tx) => addVersion(tx, promotion.id, draft({ name: 'Renamed' }), change('a better name')))
    expect(saved.promotion).toMatchObject({ name: 'Renamed', latestVersion: 2, state: 'draft' })
    expect(saved.version).toMatchObject({ version: 2, reason: 'a better name', stage: 'draft' })
    expect(await merchant.inMerchant.read((tx) => versionOf(tx, promotion.id, 1))).toEqual(first)
    const { entries } = await merchant.inMerchant.read((tx) => listAudit(tx, { action: 'promotion.version_added' }, { limit: 1 }))
    expect(entries[0]).toMatchObject({ before: { name: 'Ten off from fifty' }, after: { name: 'Renamed' } })
  })

  it('cannot be edited or erased once it is kept', async () => {
    const { promotion } = await create()
    const edit = merchant.inMerchant(
      (tx) => tx.sql`update promotion_version set document = '{}' where merchant_id = ${tx.merchantId} and promotion_id = ${promotion.id}`,
    )
    await expect(edit).rejects.toMatchObject({ code: '42501' })
  })

  it('gets a number of its own, however many are saved at once', async () => {
    const { promotion } = await create()
    const saves = Array.from({ length: 10 }, () => merchant.inMerchant((tx) => addVersion(tx, promotion.id, draft(), change())))
    const versions = (await Promise.all(saves)).map(({ version }) => version.version)
    expect(versions.sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  })

  it("of another merchant's promotion, or of none, is refused as not there", async () => {
    const { promotion } = await create({}, other)
    for (const id of [promotion.id, newId()])
      await expect(merchant.inMerchant((tx) => addVersion(tx, id, draft(), change()))).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('lists', () => {
  it('show promotions and versions, the newest first, page by page, and only of their merchant', async () => {
    const shopper = await shop.addMerchant()
    const ids: string[] = []
    for (const name of ['one', 'two', 'three']) ids.push((await create({ name }, shopper)).promotion.id)
    const first = await shopper.inMerchant.read((tx) => listPromotions(tx, {}, { limit: 2 }))
    const second = await shopper.inMerchant.read((tx) => listPromotions(tx, { state: 'draft' }, { limit: 2, before: first.next! }))
    expect([...first.promotions, ...second.promotions].map(({ id }) => id)).toEqual(ids.toReversed())
    expect(second.next).toBeNull()
    expect((await shopper.inMerchant.read((tx) => listPromotions(tx, { state: 'live' }, { limit: 2 }))).promotions).toEqual([])

    for (let version = 2; version <= 4; version++) await shopper.inMerchant((tx) => addVersion(tx, ids[0]!, draft(), change()))
    const page = await shopper.inMerchant.read((tx) => listVersions(tx, ids[0]!, { limit: 3 }))
    expect(page.versions.map(({ version }) => version)).toEqual([4, 3, 2])
    const rest = await shopper.inMerchant.read((tx) => listVersions(tx, ids[0]!, { limit: 3, before: page.next! }))
    expect(rest.versions.map(({ version }) => version)).toEqual([1])
    await expect(merchant.inMerchant.read((tx) => listVersions(tx, ids[0]!, { limit: 3 }))).rejects.toMatchObject({ code: 'not_found' })
    await expect(merchant.inMerchant.read((tx) => promotionById(tx, ids[0]!))).rejects.toMatchObject({ code: 'not_found' })
  })
})
