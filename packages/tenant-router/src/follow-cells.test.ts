import { afterEach, describe, expect, test } from 'vitest'
import type { CellEntry } from './directory.ts'
import { type CellFollower, followCells } from './follow-cells.ts'

let following: CellFollower
afterEach(() => following.close())

/** A process that has applied what it was started with, and the secret and the directory that may change under it. */
function startProcess() {
  const world = {
    secret: { one: 'at one' } as Record<string, string>,
    cells: [{ name: 'one', kind: 'shared', status: 'open' }] as CellEntry[],
    applied: [] as Record<string, string>[],
    errors: [] as unknown[],
    apply: async (): Promise<unknown> => undefined,
  }
  following = followCells({
    known: world.secret,
    read: () => world.secret,
    cells: async () => world.cells,
    apply: async (addresses) => {
      const isWhole = await world.apply()
      world.applied.push(addresses)
      return isWhole
    },
    onError: (error) => world.errors.push(error),
  })
  return world
}

describe('a process that runs', () => {
  test('does nothing when nothing has changed', async () => {
    const world = startProcess()
    await following.refresh()
    expect(world.applied).toEqual([])
  })

  test('hears of a cell that was added to the secret', async () => {
    const world = startProcess()
    world.secret = { one: 'at one', two: 'at two' }
    await following.refresh()
    await following.refresh()
    expect(world.applied).toEqual([{ one: 'at one', two: 'at two' }])
  })

  test('hears of another address', async () => {
    const world = startProcess()
    world.secret = { one: 'elsewhere' }
    await following.refresh()
    expect(world.applied).toEqual([{ one: 'elsewhere' }])
  })

  test('lets go of a cell that was retired, though its address is still in the secret', async () => {
    const world = startProcess()
    world.secret = { one: 'at one', two: 'at two' }
    world.cells = [{ name: 'one', kind: 'shared', status: 'retired' }]
    await following.refresh()
    expect(world.applied).toEqual([{ two: 'at two' }])
  })

  test('looks again at what could not all be applied', async () => {
    const world = startProcess()
    world.secret = { one: 'at one', two: 'at two' }
    world.apply = async () => false
    await following.refresh()
    world.apply = async () => undefined
    await following.refresh()
    await following.refresh()
    expect(world.applied).toEqual([world.secret, world.secret])
  })

  test('stays as it was when the change cannot be applied, and tries again', async () => {
    const world = startProcess()
    const reason = new Error('the new database is away')
    world.secret = { one: 'at one', two: 'at two' }
    world.apply = () => Promise.reject(reason)
    await following.refresh()
    expect([world.applied, world.errors]).toEqual([[], [reason]])
    world.apply = async () => undefined
    await following.refresh()
    expect(world.applied).toEqual([world.secret])
  })

  test('looks once more when it is told of a change while it looks', async () => {
    const world = startProcess()
    const slow = Promise.withResolvers<void>()
    world.secret = { one: 'at one', two: 'at two' }
    world.apply = () => slow.promise
    const first = following.refresh()
    await Promise.resolve()
    world.secret = { one: 'at one', two: 'at two', three: 'at three' }
    const second = following.refresh()
    slow.resolve()
    await Promise.all([first, second])
    expect(world.applied.at(-1)).toEqual(world.secret)
  })

  test('does nothing after its end', async () => {
    const world = startProcess()
    following.close()
    world.secret = {}
    await following.refresh()
    expect(world.applied).toEqual([])
  })
})
