import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PluginHost } from '../plugin-host.ts'
import { outputOf, plugin } from '../testing/plugins.ts'

// What a plugin was told of one buyer must not be there when the next one comes. Each line here remembers in another place; `seen` is what it
// finds of earlier calls.

let host: PluginHost
beforeAll(() => {
  host = new PluginHost({ repeatRate: 0, queueMsMax: 20_000, putOffMsMax: 20_000 })
})
afterAll(() => host.close())

const MEMORIES: [name: string, before: string, body: string][] = [
  ['a variable of the module', 'let memory = []', 'const seen = [...memory]; memory.push(input.buyer); return seen'],
  ['a map', 'const memory = new Map()', 'const seen = [...memory.keys()]; memory.set(input.buyer, 1); return seen'],
  [
    'a weak map on something lasting',
    'const memory = new WeakMap()',
    'const seen = memory.get(Object) ?? []; memory.set(Object, [input.buyer]); return seen',
  ],
  [
    'a closure',
    'const remember = (() => { let last = []; return (x) => { const seen = last; last = [x]; return seen } })()',
    'return remember(input.buyer)',
  ],
  ['a static field', 'class Memory { static last = [] }', 'const seen = Memory.last; Memory.last = [input.buyer]; return seen'],
  [
    'a private field',
    'class Memory { #last = []; swap(x) { const seen = this.#last; this.#last = [x]; return seen } } const memory = new Memory()',
    'return memory.swap(input.buyer)',
  ],
  [
    'a generator that rests',
    'const memory = (function* () { let last = []; while (true) last = [yield last] })(); memory.next()',
    'const seen = memory.next(input.buyer).value; return seen.filter((x) => x !== input.buyer)',
  ],
  ['an iterator half read', 'const memory = [1, 2, 3].values()', 'const { value } = memory.next(); return value === 1 ? [] : [value]'],
  ['a property of a function', 'function memory() {}', 'const seen = memory.last ?? []; memory.last = [input.buyer]; return seen'],
  [
    'a pattern that counts',
    'const memory = /a/g',
    'const seen = memory.lastIndex === 0 ? [] : [memory.lastIndex]; memory.test("aaaa"); return seen',
  ],
  ['what was matched last', '', 'const seen = (RegExp.$1 ?? "") === "" ? [] : [RegExp.$1]; /(.+)/.exec(input.buyer); return seen'],
  ['the global object', '', 'const seen = globalThis.memory ?? []; try { globalThis.memory = [input.buyer] } catch {} return seen'],
  ['a prototype', '', 'const seen = [].memory ?? []; try { Array.prototype.memory = [input.buyer] } catch {} return seen'],
  ['the prototype of a pattern', '', 'const seen = /a/.memory ?? []; try { RegExp.prototype.memory = [input.buyer] } catch {} return seen'],
  [
    'the prototype of generators',
    '',
    'const p = Object.getPrototypeOf(function* () {}); const seen = p.memory ?? []; try { p.memory = [input.buyer] } catch {} return seen',
  ],
  [
    'a getter of the engine',
    '',
    'const { get } = Object.getOwnPropertyDescriptor(new Error("x"), "stack"); const seen = get?.memory ?? []; try { get.memory = [input.buyer] } catch {} return seen',
  ],
  [
    'the thrower of strict functions',
    '',
    'const { get } = Object.getOwnPropertyDescriptor((function () { return arguments })(), "callee"); const seen = get.memory ?? []; try { get.memory = [input.buyer] } catch {} return seen',
  ],
  ['definePlugin', '', 'const seen = definePlugin.memory ?? []; try { definePlugin.memory = [input.buyer] } catch {} return seen'],
  ['console', '', 'const seen = console.memory ?? []; try { console.memory = [input.buyer] } catch {} return seen'],
  ['the hook itself', '', 'const seen = this.memory ?? []; this.memory = [input.buyer]; return seen'],
  ['the configuration', '', 'const seen = configuration.memory ?? []; configuration.memory = [input.buyer]; return seen'],
  [
    'a template',
    'const memory = new WeakMap(); const tag = (strings) => strings',
    'const strings = tag`x`; const seen = memory.get(strings) ?? []; memory.set(strings, [input.buyer]); return seen',
  ],
  [
    'a stamp on something lasting',
    'class Base { constructor(o) { return o } } class Stamp extends Base { #last = []; static read(o) { return #last in o ? o.#last : [] } }',
    'const seen = Stamp.read(Map); try { new Stamp(Map) } catch {} return seen',
  ],
  ['an error that is kept', 'const memory = new Error("x")', 'const seen = memory.cause ?? []; memory.cause = [input.buyer]; return seen'],
  [
    'array holes of a default',
    'const fill = (x, into = fill.kept ??= []) => { const seen = [...into]; into.push(x); return seen }',
    'return fill(input.buyer)',
  ],
]

describe.each(MEMORIES)('by %s', (_, before, body) => {
  test('nothing is remembered', async () => {
    const forgetful = plugin(body, before)
    for (const buyer of ['first', 'second', 'third']) {
      expect(await outputOf(host, forgetful, { input: { buyer } })).toEqual([])
    }
    expect(host.stats().isolates).toBeGreaterThan(0)
  })
})

test('within one call a plugin may remember all it likes', async () => {
  const counting = plugin(
    'for (const line of input.lines) count(line); return total',
    'let total = 0; const count = (line) => { total += line }',
  )
  expect(await outputOf(host, counting, { input: { lines: [1, 2, 3] } })).toBe(6)
  expect(await outputOf(host, counting, { input: { lines: [1, 2, 3] } })).toBe(6)
})

test('what is made while the bundle loads is made for every call, in the order written', async () => {
  const table = plugin('return table[input.n]', 'const table = []; for (let i = 0; i < 5; i++) table.push(i * i)')
  expect(await outputOf(host, table, { input: { n: 3 } })).toBe(9)
  expect(await outputOf(host, table, { input: { n: 4 } })).toBe(16)
})

test('two merchants with the same plugin and configuration have an isolate each', async () => {
  const shared = plugin('return 1')
  const before = host.stats().isolates
  await outputOf(host, shared, { merchantId: 'alpha' })
  await outputOf(host, shared, { merchantId: 'alpha' })
  expect(host.stats().isolates - before).toBe(1)
  await outputOf(host, shared, { merchantId: 'beta' })
  expect(host.stats().isolates - before).toBe(2)
  await outputOf(host, shared, { merchantId: 'beta', configuration: { other: true } })
  expect(host.stats().isolates - before).toBe(3)
})

test('the log of one call is not in the next', async () => {
  const talkative = plugin('if (input.say) console.log(input.say); return 1')
  const call = (input: object) =>
    host.call({
      merchantId: 'm',
      bundle: talkative,
      configuration: null,
      cordon: 'stable',
      hook: 'discount@1.run',
      input,
      limits: { wallMs: 1_000 },
    })
  expect((await call({ say: 'secret' })).logs).toEqual(['secret'])
  expect((await call({})).logs).toEqual([])
})
