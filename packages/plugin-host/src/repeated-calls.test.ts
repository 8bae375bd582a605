import { afterEach, expect, test } from 'vitest'
import { PluginHost, type PluginHostOptions } from './plugin-host.ts'
import { callOf, HARMLESS, outputOf, plugin, until } from './testing/plugins.ts'

const opened: PluginHost[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((host) => host.close()))
})

function open(repeatRate: number, onDifference?: PluginHostOptions['onDifference']): PluginHost {
  const host = new PluginHost({ repeatRate, queueMsMax: 20_000, putOffMsMax: 20_000, ...(onDifference && { onDifference }) })
  opened.push(host)
  return host
}

test('calls are made a second time in a fresh isolate, and honest plugins answer the same', async () => {
  const host = open(1)
  const words = plugin('return { keys: Object.keys({ b: 1, a: 2, 3: 1 }), sum: 0.1 + 0.2, sine: Math.sin(1e9), sorted: [3, 1, 2].sort() }')
  for (let n = 0; n < 5; n++) await outputOf(host, words)
  for (let n = 0; n < 5; n++) expect(await outputOf(host, HARMLESS, { input: { n } })).toEqual({ n: n + 1 })
  await until(() => host.stats().repeated === 10)
  expect(host.stats().differences).toBe(0)
})

test('a plugin that answers otherwise the second time is told on', async () => {
  const told: unknown[] = []
  const host = open(1, (one) => {
    told.push(one)
  })
  // How deep the engine lets it recurse depends on what called it: the one thing we know of that differs.
  const depth = plugin('let depth = 0; const f = () => { depth++; f() }; try { f() } catch {} return depth')
  for (let n = 0; n < 3; n++) await outputOf(host, depth)
  await until(() => host.stats().repeated === 3)
  expect(host.stats().differences).toBeGreaterThan(0)
  expect(told[0]).toEqual({ merchantId: 'merchant', digest: depth.digest, hook: 'discount@1.run' })
})

test('without a rate nothing is repeated, nor is what failed', async () => {
  const never = open(0)
  for (let n = 0; n < 20; n++) await outputOf(never, HARMLESS, { input: { n } })
  expect(never.stats().repeated).toBe(0)
  const always = open(1)
  expect(await always.call(callOf(plugin('throw 1')))).toMatchObject({ reason: 'threw' })
  // Until the runner has said that it is done with what it does after an answer.
  await until(() => always.stats().running === 0)
  expect(always.stats()).toMatchObject({ repeated: 0, differences: 0 })
})
