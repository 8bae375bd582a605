import type { InMerchant } from '@souk/tenant-router/router.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { catalogueOf, eventTypesOf, importFile, problemsOf, productFile, productRow, uploadFile } from '../testing/product-files.ts'
import { levelsOffTheirMovements } from '../testing/variants.ts'
import { importById } from './list-imports.ts'
import { CHUNK_PRODUCTS_MAX, runImport } from './run-import.ts'

let shop: TestShop

beforeAll(async () => {
  shop = await createTestShop()
})
afterAll(() => shop.close())

describe('a run that is killed', () => {
  const many = productFile(
    ...Array.from({ length: 2 * CHUNK_PRODUCTS_MAX + 7 }, (_, n) =>
      productRow({ handle: `p-${n}`, title: n % 40 === 3 ? '' : `P ${n}`, tracker: 'shopify', quantity: '2', price: '1' }),
    ),
  )
  let whole: unknown[]

  beforeAll(async () => {
    const merchant = await shop.addMerchant()
    expect(await importFile(merchant, many)).toMatchObject({ createdCount: 104n, failedCount: 3n })
    whole = await catalogueOf(merchant)
  })

  test.each([1, 2, 3])('after chunk %i goes on there', async (chunk) => {
    const merchant = await shop.addMerchant()
    const importId = await uploadFile(merchant, many)
    let chunks = 0
    const onChunk = () => {
      if (++chunks === chunk) throw new Error('killed')
    }
    await expect(runImport(merchant.inMerchant, { importId }, { onChunk })).rejects.toThrow('killed')
    const half = await merchant.inMerchant.read((tx) => importById(tx, importId))
    expect(half).toMatchObject({
      status: 'running',
      productsDone: BigInt(Math.min(107, chunk * CHUNK_PRODUCTS_MAX)),
      productsTotal: 107n,
    })
    await runImport(merchant.inMerchant, { importId })
    await assertWhole(merchant, importId)
  })

  test.each(['before', 'after'] as const)('%s the commit of each of its transactions in turn ends the same', async (moment) => {
    for (let boundary = 1; ; boundary++) {
      const merchant = await shop.addMerchant()
      const importId = await uploadFile(merchant, many)
      const failing = failAt(merchant.inMerchant, boundary, moment)
      const outcome = await runImport(failing, { importId }).then(
        () => 'done',
        (error: Error) => error.message,
      )
      if (outcome === 'done') {
        // start, total, three chunks, finish
        expect(boundary).toBe(7)
        break
      }
      expect(outcome).toBe('killed')
      await runImport(merchant.inMerchant, { importId })
      await assertWhole(merchant, importId)
    }
  })

  test('two runs of one import at once import each product once', async () => {
    const merchant = await shop.addMerchant()
    const importId = await uploadFile(merchant, many)
    const outcomes = await Promise.allSettled([1, 2].map(() => runImport(merchant.inMerchant, { importId })))
    expect(outcomes.some((outcome) => outcome.status === 'fulfilled')).toBe(true)
    await runImport(merchant.inMerchant, { importId })
    await assertWhole(merchant, importId)
  })

  async function assertWhole(merchant: TestMerchant, importId: string): Promise<void> {
    const done = await merchant.inMerchant.read((tx) => importById(tx, importId))
    expect(done).toMatchObject({ status: 'done', createdCount: 104n, failedCount: 3n, productsDone: 107n, rowsDone: 107n })
    expect(await catalogueOf(merchant)).toEqual(whole)
    expect(await problemsOf(merchant, importId)).toHaveLength(3)
    expect((await eventTypesOf(merchant)).filter((type) => type === 'product.created')).toHaveLength(104)
    expect((await eventTypesOf(merchant)).filter((type) => type === 'import.finished')).toHaveLength(1)
    expect(await levelsOffTheirMovements(merchant)).toEqual([])
  }
})

/** The door, of which the n-th writing transaction fails: rolled back, or committed without anybody hearing of it. */
function failAt(inMerchant: InMerchant, boundary: number, moment: 'before' | 'after'): InMerchant {
  let count = 0
  const failing = async <T>(work: Parameters<typeof inMerchant<T>>[0]): Promise<T> => {
    const fails = ++count === boundary
    const result = await inMerchant(async (tx) => {
      const done = await work(tx)
      if (fails && moment === 'before') throw new Error('killed')
      return done
    })
    if (fails) throw new Error('killed')
    return result
  }
  return Object.assign(failing, inMerchant)
}
