import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { PluginFolder, pluginFiles } from '../testing/plugin-folder.ts'
import { type Bundle, buildBundle, bundleOf, PluginFault } from './bundle.ts'
import { conformance } from './conformance.ts'
import type { Fixture } from './fixture.ts'
import { runFixture } from './run-fixtures.ts'
import { sampleInput } from './sample-input.ts'
import { callPlugin, closeSandbox, hooksOf } from './sandbox.ts'

afterAll(closeSandbox)

async function built(
  hooks: string,
  { input = { 'discount@1': ['lines.id', 'lines.quantity'] }, more = {} }: { input?: Record<string, string[]>; more?: object } = {},
): Promise<Bundle> {
  using folder = new PluginFolder(pluginFiles(input, hooks, more))
  return await buildBundle(folder.path)
}
/** The sandbox's processes of this one. */
function runnersOf(parent: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const isRunner = readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('runner.mjs')
      // The name in brackets is the process's own choice: what follows it is the state, then the parent.
      const [, ppid] = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
      return isRunner && Number(ppid) === parent ? [Number(name)] : []
    } catch {
      return []
    }
  })
}

const run = (body: string) => `{ 'discount@1': { run(input, configuration) { ${body} } } }`
const NOTHING = run('return { operations: [] }')
const cart = sampleInput('discount@1', 'run', { lines: [{ quantity: 3 }] })

describe('a call', () => {
  test('hands in the fields of the manifest and a configuration with its defaults', async () => {
    const more = { configuration: { type: 'object', properties: { depth: { type: 'integer', default: 7 } } } }
    const bundle = await built(run('console.log(JSON.stringify([input, configuration])); return { operations: [] }'), { more })
    const answer = await callPlugin(bundle, 'discount@1', 'run', cart)
    expect(answer).toMatchObject({ ok: true, output: { operations: [] }, limits: { wallMs: 50 } })
    expect(answer.logs).toEqual(['[{"lines":[{"id":"line_1","quantity":3}]},{"depth":7}]'])
  })

  test.each([
    ['loops for ever', run('for (;;) {}'), /^timeout: it was stopped after 50 ms/],
    ['throws', run('throw new Error("no such tier")'), /^threw: Error: no such tier/],
    ['answers nothing', run(''), /^output_invalid/],
    ['answers what no contract knows', run('return { operations: [{ type: "gift" }] }'), /^output_invalid: \/operations\/0\/type/],
    [
      'names a line that is not there',
      run('return { operations: [{ type: "line", line_id: "x", value: { amount: 1 }, message: "m" }] }'),
      /x is no line/,
    ],
    ['looks at the clock', run('return { operations: [], now: Date.now() }'), /^threw: ReferenceError: Date is not defined/],
    ['draws a number', run('return Math.random()'), /^threw: TypeError/],
    ['asks the network', run('return fetch("https://example.com")'), /fetch is not defined/],
    ['answers at length', run('return { operations: [], text: "x".repeat(30000) }'), /^output_too_large/],
  ])('to a plugin that %s says so', async (_name, hooks, says) => {
    const answer = await callPlugin(await built(hooks), 'discount@1', 'run', cart)
    expect(answer.ok ? 'ok' : `${answer.reason}: ${answer.detail}`).toMatch(says)
  })

  test('remembers nothing of the one before', async () => {
    const bundle = await built(`(() => { let calls = 0; return ${run('calls++; console.log(calls); return { operations: [] }')} })()`)
    const logs = [await callPlugin(bundle, 'discount@1', 'run', cart), await callPlugin(bundle, 'discount@1', 'run', cart)].flatMap(
      (answer) => answer.logs,
    )
    expect(logs).toEqual(['1', '1'])
  })

  test.skipIf(process.platform !== 'linux')('that the machine had no time for is made again, and said of no plugin', async () => {
    const bundle = await built(NOTHING)
    expect(await callPlugin(bundle, 'discount@1', 'run', cart)).toMatchObject({ ok: true })
    const runners = runnersOf(process.pid)
    expect(runners).not.toEqual([])
    for (const pid of runners) process.kill(pid, 'SIGSTOP')
    expect(await callPlugin(bundle, 'discount@1', 'run', cart)).toMatchObject({ ok: true, output: { operations: [] } })
  })

  test('that costs its process is not made again', async () => {
    const bundle = await built(
      run('const s = "9".repeat(1e6), a = []; for (let i = 0; i < 2e4; i++) a.push(s.slice(i)); return Math.max(...a)'),
    )
    expect(await callPlugin(bundle, 'discount@1', 'run', cart)).toMatchObject({ ok: false, reason: 'killed' })
    expect(await callPlugin(bundle, 'discount@1', 'run', cart)).toMatchObject({
      ok: false,
      reason: 'unavailable',
      detail: expect.stringContaining('it cost a process'),
    })
  })

  test('that no shop would make is refused', async () => {
    const bundle = await built(NOTHING)
    await expect(callPlugin(bundle, 'tax@1', 'run', {})).rejects.toThrow('says nothing of tax@1')
    await expect(callPlugin(bundle, 'discount@1', 'walk', {})).rejects.toThrow('has no hook walk')
    await expect(callPlugin(bundle, 'discount@1', 'run', cart, { a: 1 })).rejects.toThrow('/a is no setting')
  })
})

describe('a build', () => {
  test('is the same in another folder', async () => {
    expect((await built(NOTHING)).digest).toBe((await built(NOTHING)).digest)
  })

  test.each<[string, Record<string, string>, RegExp]>([
    ['without a manifest', { 'src/plugin.ts': '' }, /There is no src\/manifest\.ts/],
    [
      'with a manifest that nobody can serve',
      pluginFiles({ 'discount@1': ['lines.cost'] }, NOTHING),
      /\/input\/discount@1\/0: lines\.cost is no field of discount@1/,
    ],
    [
      'with a module of Node',
      { ...pluginFiles({ 'discount@1': [] }, NOTHING), 'src/plugin.ts': `import { readFileSync } from 'node:fs'\nreadFileSync` },
      /src\/plugin\.ts:1:\d+: .*no Node/,
    ],
    [
      'with a mistake',
      { ...pluginFiles({ 'discount@1': [] }, NOTHING), 'src/plugin.ts': 'const x = ;' },
      /src\/plugin\.ts:1:11: Unexpected ";"/,
    ],
    [
      'that is too large',
      { ...pluginFiles({ 'discount@1': [] }, NOTHING), 'src/plugin.ts': `globalThis.x = ${JSON.stringify('x'.repeat(600_000))}` },
      /at most 512000/,
    ],
  ])('%s says what is wrong', async (_name, files, says) => {
    using folder = new PluginFolder(files)
    await expect(buildBundle(folder.path)).rejects.toThrow(says)
    await expect(buildBundle(folder.path)).rejects.toBeInstanceOf(PluginFault)
  })

  test.each([
    ['an async function', run('return (async () => 1)()'), /async function/],
    ['a BigInt', run('return 1n'), /BigInt/],
  ])('that holds %s is refused by the gate of the shop', async (_name, hooks, says) => {
    await expect(hooksOf(await built(hooks))).rejects.toThrow(says)
  })

  test('registers the hooks by contract', async () => {
    expect(await hooksOf(await built(NOTHING))).toEqual({ 'discount@1': ['run'] })
  })
})

describe('a fixture', () => {
  const fixture = (change: Partial<Fixture> = {}) => ({
    name: 'f',
    contract: 'discount@1' as const,
    hook: 'run',
    input: { lines: [{ id: 'a', quantity: 1 }] },
    configuration: {},
    output: { operations: [] } as unknown,
    ...change,
  })
  const faultsOf = async (change: Partial<Fixture>) => (await runFixture(await built(NOTHING), fixture(change))).faults

  test('passes when the answer is the expected one, or nothing is expected', async () => {
    expect(await faultsOf({})).toEqual([])
    expect(await faultsOf({ output: null })).toEqual([])
  })

  test('shows where the answer differs', async () => {
    expect(await faultsOf({ output: { operations: [{ type: 'order' }] } })).toEqual([
      '/operations/0: expected {"type":"order"}, got nothing',
    ])
  })

  test('with a field that the manifest does not ask for is none of a shop`s', async () => {
    expect(await faultsOf({ input: { lines: [], currency: 'EUR' } })).toEqual([
      expect.stringMatching(/unknown: currency: a shop would not hand this in/),
    ])
  })

  test('with another type is none of a shop`s', async () => {
    expect(await faultsOf({ input: { lines: [{ id: 'a', quantity: 'one' }] } })).toEqual([
      expect.stringMatching(/^input\/lines\/0\/quantity/),
    ])
  })

  test('of another contract is named', async () => {
    expect(await faultsOf({ contract: 'tax@1' })).toEqual(['the manifest says nothing of tax@1'])
  })
})

describe('conformance', () => {
  const faultsOf = async (bundle: Bundle) =>
    (await conformance(bundle)).contracts.flatMap(({ checks }) => checks.flatMap(({ faults }) => faults))

  test('is met by a plugin that is ready for everything', async () => {
    const report = await conformance(await built(NOTHING))
    expect(report).toMatchObject({ meets: true, contracts: [{ contract: 'discount@1', version: '1.0.0', meets: true, calls: 400 }] })
  })

  test.each([
    [
      'an empty cart',
      run('return { operations: [{ type: "line", line_id: input.lines[0].id, value: { amount: 1 }, message: "m" }] }'),
      /run, a cart without lines: threw/,
    ],
    [
      'a thousand lines',
      run('if (input.lines.length > 500) throw new Error("too many"); return { operations: [] }'),
      /run, 1000 lines: threw: Error: too many/,
    ],
    [
      'half of the time',
      run('let x = 0; const n = input.lines.length > 500 ? 4e6 : 1; for (let i = 0; i < n; i++) x += i % 7; return { operations: [] }'),
      /% of 50 ms|timeout/,
    ],
    [
      'half of the answer',
      run(
        'return { operations: input.lines.map(({ id }) => ({ type: "line", line_id: id, value: { amount: 1 }, message: "m".repeat(200) })) }',
      ),
      /% of \d+ bytes of answer/,
    ],
  ])('is not met by one that forgot %s', async (_name, hooks, says) => {
    expect((await faultsOf(await built(hooks))).join('\n')).toMatch(says)
  })

  test('is not met by a guest who was forgotten', async () => {
    const bundle = await built(run('return { operations: input.customer.groups.length > 9 ? [] : [] }'), {
      input: { 'discount@1': ['customer.groups'] },
    })
    expect((await faultsOf(bundle)).join('\n')).toMatch(/a guest without an address: threw/)
  })

  test('names what is missing, what is alone and what is too much', async () => {
    const input = { 'fulfillment@1': ['grams'] }
    const bundle = await built(`{ 'fulfillment@1': { track() { return { nothing_to_do: 'x' } }, fly() { return 1 } } }`, { input })
    expect(await faultsOf(bundle)).toEqual(['rates is missing', 'track and parseTracking come in pairs', 'fly is no hook of this contract'])
  })

  test('tries the shipments by the methods that the plugin itself offers', async () => {
    const input = { 'fulfillment@1': ['shipment.method'] }
    const bundle = await built(
      `{ 'fulfillment@1': {
        rates() { return { rates: [{ code: 'drone', name: 'Drone', amount: 1 }] } },
        createShipment({ shipment }) { if (shipment.method === 'drone') throw new Error('no wind please'); return { nothing_to_do: 'x' } },
        parseShipment() { return { outcome: 'failed', code: 'x', message: 'x', retry: false } },
      } }`,
      { input },
    )
    expect((await faultsOf(bundle)).join('\n')).toMatch(/createShipment, shipment \d+: threw: Error: no wind please/)
  })

  test('tries carts with what the configuration names', async () => {
    const more = { configuration: { type: 'object', properties: { kind: { type: 'string', default: 'Kaffee' } } } }
    const hooks = run(
      'if (input.lines.some(({ product_type }) => product_type === configuration.kind)) throw new Error("found"); return { operations: [] }',
    )
    expect((await faultsOf(await built(hooks, { input: { 'discount@1': ['lines.product_type'] }, more }))).join('\n')).toMatch(
      /threw: Error: found/,
    )
  })

  test('says of each contract of a bundle whether it is met', async () => {
    const input = { 'discount@1': [], 'discount@2': [] }
    const bundle = await built(
      `{ 'discount@1': { run() { return { operations: [] } } }, 'discount@2': { run() { return { operations: [] } } } }`,
      { input },
    )
    const { contracts, meets } = await conformance(bundle)
    expect(contracts.map(({ contract, meets }) => [contract, meets])).toEqual([
      ['discount@1', true],
      ['discount@2', false],
    ])
    expect(meets).toBe(false)
  })
})

test('a bundle whose bytes were changed has another digest', async () => {
  const { manifest, source, digest } = await built(NOTHING)
  expect(bundleOf(manifest, `${source} `).digest).not.toBe(digest)
})
