import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { type DiscountInput, discountInputFor } from '../adapters/discount.ts'
import type { DiscountOutputV1 } from '../contracts/discount.ts'
import { type Bundle, buildBundle } from '../kit/bundle.ts'
import { runFixture } from '../kit/run-fixtures.ts'
import { closeSandbox } from '../kit/sandbox.ts'
import { projectInput } from '../project-input.ts'
import { PluginFolder, pluginFiles } from '../testing/plugin-folder.ts'
import { configurationOf, countIn, discountsIn, type FunctionCase, inputOf, operationsOf } from './function-case.ts'
import { FUNCTIONS } from './functions.ts'
import { LEFT_OUT } from './left-out.ts'

const FILE = new URL('../../../../../shared/data/plugin-cases/shopify_function_cases.json', import.meta.url)
const cases = existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as FunctionCase[]) : []
const FIELDS = { 'discount@1': ['lines.id', 'lines.quantity', 'lines.subtotal', 'subtotal'] }

const TRIES_MAX = 30
const PAUSE_MS = 1_000

const bundles = new Map<string, Promise<Bundle>>()

afterAll(closeSandbox)

describe.skipIf(cases.length === 0)(
  'functions of another platform as discount plugins (skipped where ../shared/data/plugin-cases is not there)',
  () => {
    const runnable = cases.filter(({ id }) => !(id in LEFT_OUT))

    test('every case runs, or is left out with a reason, and no case is both or unknown', () => {
      expect(cases).toHaveLength(29)
      expect(runnable.map((one) => one.function).filter((name) => !(name in FUNCTIONS))).toEqual([])
      expect(Object.keys(LEFT_OUT).filter((id) => !cases.some((one) => one.id === id))).toEqual([])
      expect(runnable.length + Object.keys(LEFT_OUT).length).toBe(29)
      expect(Object.values(LEFT_OUT).filter((reason) => reason.length < 20)).toEqual([])
    })

    test.each(runnable)('$id $title', async (one) => {
      const bundle = await bundleOf(one.function)
      const input = projectInput(
        bundle.manifest,
        'discount@1',
        'run',
        discountInputFor('discount@1', inputOf(one) as unknown as DiscountInput),
      )
      const fixture = {
        name: one.id,
        contract: 'discount@1' as const,
        hook: 'run',
        input,
        configuration: configurationOf(one),
        output: null,
      }
      const { answer, faults } = await ranFixture(bundle, fixture)
      expect(faults).toEqual([])
      const { operations } = (answer as { output: DiscountOutputV1 }).output

      const expected = one.expected.flatMap(({ value }) => discountsIn(value)).flatMap((discount) => operationsOf(discount, one))
      if (expected.length > 0) expect(operations).toMatchObject(expected)
      // A discount over several targets is several operations here; cases that count name each discount.
      expect(operations).toHaveLength(Math.max(expected.length, countIn(one) ?? 0))
    })

    test('the same plugins do something once they are set up', async () => {
      const one = runnable.find(({ id }) => id === 'shopify-fn-s-026')!
      const input = discountInputFor('discount@1', inputOf(one) as unknown as DiscountInput)
      for (const name of ['discounts-allocator', 'order-discounts', 'shipping-discounts']) {
        const bundle = await bundleOf(name)
        const projected = projectInput(bundle.manifest, 'discount@1', 'run', input)
        const { answer } = await ranFixture(bundle, {
          name,
          contract: 'discount@1',
          hook: 'run',
          input: projected,
          configuration: { percent: '5' },
          output: null,
        })
        expect((answer as { output: DiscountOutputV1 }).output.operations).not.toEqual([])
      }
    })
  },
)

/** On a machine that stands still a plugin that did nothing wrong may be stopped, and is then left alone for a while. */
async function ranFixture(...asked: Parameters<typeof runFixture>): ReturnType<typeof runFixture> {
  for (let tries = 1; ; tries++) {
    const ran = await runFixture(...asked)
    if (tries === TRIES_MAX || !ran.faults.some((fault) => /^(timeout|killed|unavailable):/.test(fault))) return ran
    await pause(PAUSE_MS)
  }
}

function bundleOf(name: string): Promise<Bundle> {
  const bundle = bundles.get(name) ?? build(name)
  bundles.set(name, bundle)
  return bundle
}

async function build(name: string): Promise<Bundle> {
  const { configuration, hooks } = FUNCTIONS[name]!
  using folder = new PluginFolder(pluginFiles(FIELDS, hooks, { name, configuration }))
  return await buildBundle(folder.path)
}
