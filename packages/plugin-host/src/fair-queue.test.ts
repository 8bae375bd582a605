import { expect, test } from 'vitest'
import { FairQueue } from './fair-queue.ts'

interface Item {
  merchantId: string
  n: number
}

function filled(...items: [string, number][]): FairQueue<Item> {
  const queue = new FairQueue<Item>()
  for (const [merchantId, n] of items) queue.add({ merchantId, n })
  return queue
}

function order(queue: FairQueue<Item>, mayGo: (item: Item) => boolean = () => true): string {
  const taken: string[] = []
  for (let item = queue.take(mayGo); item !== undefined; item = queue.take(mayGo)) taken.push(`${item.merchantId}${item.n}`)
  return taken.join(' ')
}

test('merchants take turns, each in the order of its calls', () => {
  const queue = filled(['a', 1], ['a', 2], ['a', 3], ['a', 4], ['b', 1], ['c', 1], ['b', 2])
  expect(order(queue)).toBe('a1 b1 c1 a2 b2 a3 a4')
  expect(queue.size).toBe(0)
})

test('a latecomer waits for one call of each, not for a crowd', () => {
  const queue = filled(...Array.from({ length: 1000 }, (_, n): [string, number] => ['crowd', n]))
  queue.take(() => true)
  queue.add({ merchantId: 'late', n: 1 })
  queue.take(() => true)
  expect(queue.take(() => true)).toEqual({ merchantId: 'late', n: 1 })
})

test('what may not go now is passed over and keeps its place', () => {
  const queue = filled(['a', 1], ['a', 2], ['b', 1])
  expect(order(queue, ({ merchantId, n }) => merchantId === 'b' || n === 2)).toBe('a2 b1')
  expect(order(queue)).toBe('a1')
})

test('counts by merchant, removes one, gives up all', () => {
  const queue = filled(['a', 1], ['a', 2], ['b', 1])
  expect([queue.size, queue.sizeOf('a'), queue.sizeOf('b'), queue.sizeOf('c')]).toEqual([3, 2, 1, 0])
  const taken = queue.take(() => true)!
  expect(queue.remove(taken)).toBe(false)
  expect(queue.clear()).toEqual([
    { merchantId: 'b', n: 1 },
    { merchantId: 'a', n: 2 },
  ])
  expect(queue.size).toBe(0)
})
