import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { groupRows, PRODUCT_ROWS_MAX, type RowGroup, survey } from './group-rows.ts'
import { readCsv } from './read-csv.ts'

test('counts the products of a file, and finds those whose rows lie apart', async () => {
  const found = await survey(readCsv([Buffer.from('Handle,Title\na,A\na,\nb,B\na,\nc,C\n,\n,Lost Title\nA,\nc,\n')]))
  expect(found).toEqual({
    products: 4,
    rows: 8,
    scattered: new Map([
      ['a', 7],
      ['c', 8],
    ]),
  })
})

test('gives each product once, when its last row has come, always in the same order', async () => {
  const file = 'Handle,Title\na,A\na,\nb,B\na,\nc,C\nd,D\nd,\na,\nc,\n'
  for (let round = 0; round < 2; round++) {
    const groups = await groupsOf(file)
    expect(groups.map(({ handle, rows }) => [handle, rows.map((row) => row.line)])).toEqual([
      ['b', [4]],
      ['d', [7, 8]],
      ['a', [2, 3, 5, 9]],
      ['c', [6, 10]],
    ])
  }
})

test('a row without a handle belongs to the product its title makes; one with neither stands alone', async () => {
  const groups = await groupsOf('Handle,Title,Vendor\n,Red Shoe,\nred-shoe,,\nRed Shoe,,\n,,x\n,,y\n')
  expect(groups.map(({ handle, rowCount }) => [handle, rowCount])).toEqual([
    ['red-shoe', 3],
    ['', 1],
    ['', 1],
  ])
})

test('counts all rows of a product, and keeps no more than it can have', async () => {
  const [group] = await groupsOf(`Handle,Title\n${'a,A\n'.repeat(PRODUCT_ROWS_MAX + 5)}`)
  expect(group).toMatchObject({ rowCount: PRODUCT_ROWS_MAX + 5 })
  expect(group!.rows).toHaveLength(PRODUCT_ROWS_MAX)
})

test('refuses a file in which the rows of very many products lie apart', async () => {
  const body = 'x'.repeat(1_000)
  const once = Array.from({ length: 20_000 }, (_, n) => `p-${n},P,${body}\n`).join('')
  const file = `Handle,Title,Body (HTML)\n${once}${once}`
  await expect(groupsOf(file)).rejects.toMatchObject({ code: 'csv_malformed' })
})

test('two hundred thousand rows pass through in bounded memory, read no further ahead than a few pieces', async () => {
  const [products, rowsEach] = [50_000, 4]
  let given = 0
  const parts = function* () {
    yield Buffer.from('Handle,Title,Body (HTML),Option1 Name,Option1 Value,Variant Price\n')
    for (let n = 0; n < products; n += 100) {
      const rows = Array.from({ length: 100 * rowsEach }, (_, index) => {
        const [product, variant] = [n + Math.floor(index / rowsEach), index % rowsEach]
        return `product-${product},${variant === 0 ? `Product ${product},"<p>${'words '.repeat(40)}</p>",Size` : ',,'},${variant},1.00\n`
      })
      const part = Buffer.from(rows.join(''))
      given += 100
      yield part
    }
  }
  const collect = garbageCollector()
  collect()
  const before = process.memoryUsage().heapUsed
  const found = await survey(readCsv(parts()))
  expect(found).toMatchObject({ products, rows: products * rowsEach })
  given = 0
  let [seen, furthestAhead, mostKept] = [0, 0, 0]
  for await (const group of groupRows(readCsv(parts()), found)) {
    seen += 1
    furthestAhead = Math.max(furthestAhead, given - seen)
    expect(group.rowCount).toBe(rowsEach)
    if (seen % 10_000 !== 5_000) continue
    collect()
    mostKept = Math.max(mostKept, process.memoryUsage().heapUsed - before)
  }
  expect(seen).toBe(products)
  // The file has some 25 MB.
  expect(furthestAhead).toBeLessThan(5_000)
  expect(mostKept).toBeLessThan(10 * 1024 * 1024)
})

async function groupsOf(file: string): Promise<RowGroup[]> {
  const parts = [Buffer.from(file)]
  const found = await survey(readCsv(parts))
  const groups: RowGroup[] = []
  for await (const group of groupRows(readCsv(parts), found)) groups.push(group)
  return groups
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}
