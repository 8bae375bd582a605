import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listAudit } from '../audit/list-audit.ts'
import { newId } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { promotionDocument } from '../testing/promotions.ts'
import type { PromotionDraft } from './check-promotion.ts'
import { markDryRun } from './dry-run-stage.ts'
import { livePromotionsQuery, toLivePromotions } from './live-promotions.ts'
import { promotionById, versionOf } from './promotion.ts'
import { publishVersion, rollBack, turnOff } from './publish.ts'
import { addVersion, createPromotion } from './save-promotion.ts'

let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant()
})
afterAll(() => shop.close())

const change = (reason = 'because') => ({ actor: { kind: 'staff', id: newId() } as const, now: new Date(), reason })

function draft(given: object = {}): PromotionDraft {
  const { id: _id, version: _version, rollout_ppm: _to, rollout_from_ppm: _from, ...rest } = promotionDocument()
  return { ...rest, ...given } as PromotionDraft
}

/** A promotion with so many versions, all of them tried in a dry run. */
async function tried(versions: number, of = merchant): Promise<string> {
  const { promotion } = await of.inMerchant((tx) => createPromotion(tx, draft(), change()))
  for (let version = 2; version <= versions; version++)
    await of.inMerchant((tx) => addVersion(tx, promotion.id, draft({ name: `Version ${version}` }), change()))
  for (let version = 1; version <= versions; version++) await of.inMerchant((tx) => markDryRun(tx, promotion.id, version, new Date()))
  return promotion.id
}

const publish = (promotionId: string, version: number, percent = 100, of = merchant) =>
  of.inMerchant((tx) => publishVersion(tx, { promotionId, version, rolloutPpm: percent * 10_000, ...change() }))

/** [version, from, to] in percent of the buyers. */
async function inForce(promotionId: string): Promise<number[][]> {
  const live = toLivePromotions(await merchant.inMerchant.read((tx) => livePromotionsQuery(tx)))
  return live
    .filter(({ id }) => id === promotionId)
    .map((document) => [document.version, document.rollout_from_ppm / 10_000, document.rollout_ppm / 10_000])
}

async function stages(promotionId: string, ...versions: number[]): Promise<string[]> {
  const found: string[] = []
  for (const version of versions) found.push((await merchant.inMerchant.read((tx) => versionOf(tx, promotionId, version))).stage)
  return found
}

async function refusal(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return error instanceof Refusal ? [error.code, error.details.extra?.current_state] : error
}

async function revision(): Promise<bigint> {
  const [row] = await merchant.inMerchant.read(
    (tx) => tx.sql`select pricing_revision from merchant_settings where merchant_id = ${tx.merchantId}`,
  )
  return row!.pricing_revision
}

describe('the life of a version', () => {
  it('goes from draft over a dry run and a part of the buyers to all of them', async () => {
    const { promotion } = await merchant.inMerchant((tx) => createPromotion(tx, draft(), change()))
    expect(await stages(promotion.id, 1)).toEqual(['draft'])
    expect(await refusal(publish(promotion.id, 1))).toEqual(['invalid_state', 'draft'])
    await merchant.inMerchant((tx) => markDryRun(tx, promotion.id, 1, new Date()))
    expect(await stages(promotion.id, 1)).toEqual(['dry_run'])
    await publish(promotion.id, 1, 10)
    expect(await inForce(promotion.id)).toEqual([[1, 0, 10]])
    await publish(promotion.id, 1, 100)
    expect(await inForce(promotion.id)).toEqual([[1, 0, 100]])
    expect(await stages(promotion.id, 1)).toEqual(['live'])
    expect(await merchant.inMerchant.read((tx) => promotionById(tx, promotion.id))).toMatchObject({ state: 'live', liveVersion: 1 })
  })

  it('may skip the dry run when its publisher says so', async () => {
    const { promotion } = await merchant.inMerchant((tx) => createPromotion(tx, draft(), change()))
    const publication = { promotionId: promotion.id, version: 1, rolloutPpm: 1_000_000, withoutDryRun: true, ...change() }
    expect(await merchant.inMerchant((tx) => publishVersion(tx, publication))).toMatchObject({ state: 'live', rolloutPpm: 1_000_000n })
  })

  it('leaves the version before it to the other buyers, and retires it when it is for all', async () => {
    const id = await tried(2)
    await publish(id, 1)
    await publish(id, 2, 25)
    expect(await inForce(id)).toEqual([
      [1, 25, 100],
      [2, 0, 25],
    ])
    expect(await stages(id, 1, 2)).toEqual(['live', 'live'])
    await publish(id, 2, 60)
    expect(await inForce(id)).toEqual([
      [1, 60, 100],
      [2, 0, 60],
    ])
    await publish(id, 2, 100)
    expect(await inForce(id)).toEqual([[2, 0, 100]])
    expect(await stages(id, 1, 2)).toEqual(['retired', 'live'])
  })

  it('gives way to a newer one while it is for some buyers', async () => {
    const id = await tried(3)
    await publish(id, 1)
    await publish(id, 2, 25)
    await publish(id, 3, 10)
    expect(await inForce(id)).toEqual([
      [1, 10, 100],
      [3, 0, 10],
    ])
    expect(await stages(id, 1, 2, 3)).toEqual(['live', 'retired', 'live'])
  })

  it('cannot be tried on those whom it serves already', async () => {
    const id = await tried(2)
    await publish(id, 1)
    await publish(id, 2, 25)
    expect(await refusal(publish(id, 1, 50))).toEqual(['invalid_state', 'live'])
  })
})

describe('turning off', () => {
  it('takes all versions out of force at once', async () => {
    const id = await tried(2)
    await publish(id, 1)
    await publish(id, 2, 25)
    const before = await revision()
    expect(await merchant.inMerchant((tx) => turnOff(tx, id, change()))).toMatchObject({ state: 'off', liveVersion: null, rolloutPpm: 0n })
    expect(await revision()).toBe(before + 1n)
    expect(await inForce(id)).toEqual([])
    expect(await stages(id, 1, 2)).toEqual(['retired', 'retired'])
  })

  it('is refused for what is not in force, and says what it is', async () => {
    const id = await tried(1)
    const off = () => refusal(merchant.inMerchant((tx) => turnOff(tx, id, change())))
    expect(await off()).toEqual(['invalid_state', 'draft'])
    await publish(id, 1)
    expect(await off()).toBeUndefined()
    expect(await off()).toEqual(['invalid_state', 'off'])
  })

  it('can be undone by publishing again', async () => {
    const id = await tried(1)
    await publish(id, 1)
    await merchant.inMerchant((tx) => turnOff(tx, id, change()))
    await publish(id, 1)
    expect(await inForce(id)).toEqual([[1, 0, 100]])
  })
})

describe('rolling back', () => {
  const back = (id: string, version?: number) => merchant.inMerchant((tx) => rollBack(tx, id, version, change()))

  it('gives all buyers the version that was in force before', async () => {
    const id = await tried(3)
    await publish(id, 1)
    await publish(id, 2)
    await publish(id, 3)
    expect(await back(id)).toMatchObject({ liveVersion: 2, rolloutPpm: 1_000_000n })
    expect(await stages(id, 1, 2, 3)).toEqual(['retired', 'live', 'retired'])
    expect(await back(id, 1)).toMatchObject({ liveVersion: 1 })
  })

  it('takes a version back that is being tried on some buyers', async () => {
    const id = await tried(2)
    await publish(id, 1)
    await publish(id, 2, 25)
    await back(id)
    expect(await inForce(id)).toEqual([[1, 0, 100]])
    expect(await stages(id, 1, 2)).toEqual(['live', 'retired'])
  })

  it('is refused where there is nothing to go back to', async () => {
    const id = await tried(3)
    expect(await refusal(back(id))).toEqual(['invalid_state', 'draft'])
    await publish(id, 2)
    expect(await refusal(back(id))).toEqual(['invalid_state', 'live'])
    expect(await refusal(back(id, 2))).toEqual(['invalid_state', 'live'])
    expect(await refusal(back(id, 1))).toEqual(['invalid_state', 'dry_run'])
    expect(await refusal(back(id, 9))).toEqual(['not_found', undefined])
  })
})

describe('every change', () => {
  it('is in the audit log with what was in force before and after', async () => {
    const id = await tried(2)
    await publish(id, 1)
    await publish(id, 2, 25)
    await merchant.inMerchant((tx) => rollBack(tx, id, undefined, change('too generous')))
    const { entries } = await merchant.inMerchant.read((tx) => listAudit(tx, { targetId: id }, { limit: 3 }))
    expect(entries.find((entry) => entry.action === 'promotion.rolled_back')).toMatchObject({
      reason: 'too generous',
      before: { live_version: 2, base_version: 1, rollout_ppm: 250_000 },
      after: { live_version: 1, base_version: null, rollout_ppm: 1_000_000 },
    })
  })

  it('of a promotion that is not there, or that is another merchant`s, is refused', async () => {
    const other = await shop.addMerchant()
    const id = await tried(1, other)
    expect(await refusal(publish(id, 1))).toEqual(['not_found', undefined])
    expect(await refusal(merchant.inMerchant((tx) => turnOff(tx, id, change())))).toEqual(['not_found', undefined])
    expect(await refusal(merchant.inMerchant((tx) => rollBack(tx, id, undefined, change())))).toEqual(['not_found', undefined])
  })

  it('leaves one version for each buyer, whoever publishes at once', async () => {
    const id = await tried(4)
    await publish(id, 1)
    const racing = [2, 3, 4].flatMap((version) => [
      publish(id, version, 30),
      publish(id, version, 100),
      merchant.inMerchant((tx) => rollBack(tx, id, 1, change())),
    ])
    await Promise.allSettled(racing)
    const covered = await inForce(id)
    expect(covered.reduce((sum, [, from, to]) => sum + to! - from!, 0)).toBe(100)
    expect(new Set(covered.map(([version]) => version)).size).toBe(covered.length)
  })
})

describe('what is in force', () => {
  it('has a limit of versions for each merchant', async () => {
    const crowded = await shop.addMerchant()
    const id = await tried(2, crowded)
    await crowded.inMerchant(async (tx) => {
      await tx.sql`
        insert into promotion (merchant_id, id, name, trigger, state, latest_version, live_version, rollout_ppm)
        select ${tx.merchantId}, uuidv7(), 'One of many', 'automatic', 'live', 1, 1, 1000000 from generate_series(1, 999)`
      await tx.sql`
        insert into promotion_version (merchant_id, promotion_id, version, document, warnings, author, reason)
        select p.merchant_id, p.id, 1, v.document || jsonb_build_object('id', p.id), '[]', v.author, 'many'
        from promotion p, promotion_version v
        where p.merchant_id = ${tx.merchantId} and p.state = 'live' and v.merchant_id = ${tx.merchantId} and v.promotion_id = ${id} and v.version = 1`
    })
    await publish(id, 1, 100, crowded)
    expect(await refusal(publish(id, 2, 50, crowded))).toEqual(['too_many', undefined])
    await publish(id, 2, 100, crowded)
  })

  it('has a limit of what its conditions cost a cart', async () => {
    const costly = await shop.addMerchant()
    const leaf = { fact: 'line.sku', operator: 'matches', value: 'A.*B' }
    const conditions = { all: [{ fact: 'lines', operator: 'any_line', value: { all: [leaf, leaf] } }] }
    const publishOne = async () => {
      const { promotion } = await costly.inMerchant((tx) => createPromotion(tx, draft({ conditions }), change()))
      const publication = { promotionId: promotion.id, version: 1, rolloutPpm: 1_000_000, withoutDryRun: true, ...change() }
      return refusal(costly.inMerchant((tx) => publishVersion(tx, publication)))
    }
    let published = 0
    while (published < 100 && (await publishOne()) === undefined) published += 1
    expect(published).toBeGreaterThan(20)
    expect(published).toBeLessThan(60)
  })
})
