import { afterAll, describe, expect, test } from 'vitest'
import { PluginHost } from '../plugin-host.ts'
import { outputOf, plugin } from '../testing/plugins.ts'
import { checkSource } from './source-gate.ts'

const host = new PluginHost({ repeatRate: 0, queueMsMax: 20_000, putOffMsMax: 20_000 })
afterAll(() => host.close())

/** Evaluates an expression in a plugin; an error becomes its name. */
function inSandbox(expression: string, before = ''): Promise<unknown> {
  return outputOf(host, plugin(`try { return { value: (${expression}) } } catch (error) { return { error: error.name } }`, before))
}

test('a realm holds what is listed, and nothing else by name', async () => {
  const names = (await outputOf(host, plugin('return Reflect.ownKeys(globalThis).map(String)'))) as string[]
  expect(names.toSorted()).toEqual(
    [
      ...[
        'AggregateError',
        'Array',
        'Boolean',
        'Error',
        'EvalError',
        'Infinity',
        'Iterator',
        'JSON',
        'Map',
        'Math',
        'NaN',
        'Number',
        'Object',
      ],
      ...['RangeError', 'ReferenceError', 'Reflect', 'RegExp', 'Set', 'String', 'SuppressedError', 'Symbol', 'SyntaxError', 'TypeError'],
      ...[
        'URIError',
        'WeakMap',
        'WeakSet',
        'console',
        'decodeURI',
        'decodeURIComponent',
        'definePlugin',
        'encodeURI',
        'encodeURIComponent',
      ],
      ...['globalThis', 'isFinite', 'isNaN', 'parseFloat', 'parseInt', 'undefined'],
    ].toSorted(),
  )
})

test('whatever can be reached is frozen, through names and through syntax', async () => {
  const walk = `
    const loose = [], seen = new Set(), waiting = [['globalThis', globalThis]]
    const samples = { function: function () {}, arrow: () => 1, generator: function* () {}, list: [], text: '', pattern: /a/, error: new Error('x'),
      arrayIterator: [].values(), mapIterator: new Map().keys(), setIterator: new Set().keys(), textIterator: ''[Symbol.iterator](),
      matches: 'a'.matchAll(/a/g), helper: [].values().map((x) => x), wrapped: Iterator.from({ next() {} }), generated: (function* () {})(),
      bound: (() => 1).bind(), made: class {}, arguments: (function () { return arguments })(), boxed: Object(1), symbol: Object(Symbol()),
      template: ((strings) => strings)\`x\`, map: new Map(), set: new Set(), weak: new WeakMap(), aggregate: new AggregateError([]), type: new TypeError('') }
    for (const [name, sample] of Object.entries(samples)) {
      waiting.push([name + '.prototype', Object.getPrototypeOf(sample)])
      for (const key of Reflect.ownKeys(Object(sample))) {
        const { get, set } = Object.getOwnPropertyDescriptor(Object(sample), key)
        waiting.push([name + '.get ' + String(key), get], [name + '.set ' + String(key), set])
      }
    }
    while (waiting.length > 0) {
      const [path, next] = waiting.pop()
      if ((typeof next !== 'object' && typeof next !== 'function') || next === null || seen.has(next)) continue
      seen.add(next)
      if (!Object.isFrozen(next)) loose.push(path)
      waiting.push([path + '.__proto__', Object.getPrototypeOf(next)])
      for (const key of Reflect.ownKeys(next)) {
        const described = Object.getOwnPropertyDescriptor(next, key)
        for (const part of ['value', 'get', 'set']) waiting.push([path + '.' + String(key), described[part]])
      }
    }
    return { loose, seen: seen.size }`
  const found = (await outputOf(host, plugin(walk))) as { loose: string[]; seen: number }
  // A generator function's own prototype object is made with it.
  expect(found.loose).toEqual(['generated.prototype'])
  expect(found.seen).toBeGreaterThan(300)
})

describe('cannot be had back', () => {
  test.each([
    ['code from text by a function', '(function () {}).constructor'],
    ['code from text by an arrow', '(() => 1).constructor'],
    ['code from text by a generator', '(function* () {}).constructor'],
    ['code from text by a method', '({ a() {} }).a.constructor'],
    ['code from text by a class', '(class {}).constructor'],
    ['code from text by a bound function', '(() => 1).bind().constructor'],
    ['code from text by a getter', 'Object.getOwnPropertyDescriptor(Object.prototype, "__proto__").get.constructor'],
    ['code from text by Reflect', 'Reflect.get(Object.getPrototypeOf(() => 1), "constructor")'],
    ['code from text by an heir', 'Object.create(() => 1).constructor'],
    ['eval', 'eval'],
    ['Function', 'Function'],
    ['Date', 'Date'],
    ['Promise', 'Promise'],
    ['BigInt', 'BigInt'],
    ['Proxy', 'Proxy'],
    ['Intl', 'Intl'],
    ['typed arrays', 'Uint8Array'],
    ['WebAssembly', 'WebAssembly'],
    ['Atomics', 'Atomics'],
    ['timers', 'setTimeout'],
    ['performance', 'performance'],
    ['structured clones', 'structuredClone'],
    ['the constructor of functions by definition', 'Object.defineProperty(Object.getPrototypeOf(() => 1), "constructor", { value: 1 })'],
    ['a global', 'Object.defineProperty(globalThis, "Date", { value: 1 })'],
  ])('%s', async (_, expression) => {
    expect(await inSandbox(expression)).toEqual({ error: expect.stringMatching(/^(Reference|Type)Error$/) })
  })

  test.each([
    ['random numbers', 'typeof Math.random'],
    ['stack formatting', 'typeof Error.captureStackTrace + typeof Error.prepareStackTrace'],
    ['what was matched last', 'typeof RegExp.$1 + typeof RegExp.lastMatch + typeof RegExp.input'],
    ['words by language', 'typeof "".localeCompare + typeof "".normalize + typeof "".toLocaleUpperCase'],
    ['the calling function', 'typeof (function f() { return f.caller })()'],
    ['a callable realm', 'typeof this'],
  ])('%s', async (_, expression) => {
    const { value } = (await inSandbox(expression)) as { value: string }
    expect(value.replaceAll(/undefined|string/g, '')).toBe(expression === 'typeof this' ? 'object' : '')
  })

  test('where the stack is', async () => {
    expect(await inSandbox('(() => { try { null.x } catch (error) { return error.stack.split("\\n").length } })()')).toEqual({ value: 1 })
  })
})

// Ordinary code must not notice where it runs: the same expression here and there.
const ORDINARY = [
  '[3, 1, 2].sort().concat([4], 5).map((x) => x * 2).filter((x) => x > 2).reduce((a, b) => a + b, 0)',
  '[[1, [2, [3]]], [], [4]].flat()',
  '[[1, [2, [3]]], 4].flat(Infinity)',
  '[1, 2].flatMap((x) => [x, [x]])',
  '[1, , 3].flat()',
  'Array.from({ length: 3 }, (_, i) => i * i)',
  'Array.from(new Map([[1, 2]]))',
  'Array.from("añ👍")',
  'Array.from(new Set([1, 1, 2]), String)',
  'Array.from({ length: 2, 0: "a", 1: "b" })',
  '(class List extends Array {}).from([1, 2]).length',
  '[1, 2, 3].toSpliced(1, 1, 9).with(0, 7).toReversed()',
  '[5, 1].toSorted((a, b) => a - b).at(-1)',
  '[..."abc"].entries().toArray()',
  '[1, 2, 3].values().map((x) => x + 1).take(2).toArray()',
  'Array.prototype.slice.call((function () { return arguments })(1, 2, 3), 1)',
  'Math.max.apply(null, [1, 5, 2]) + Math.min(...[3, 4])',
  'Reflect.construct(Map, [[[1, 2]]]).get(1)',
  '"a-b_c".split(/[-_]/).join("").padEnd(6, ".").repeat(2)',
  '"aXbX".replaceAll("X", "y").replace(/y$/, (m) => m.toUpperCase())',
  '[..."a1b22".matchAll(/([a-z])(\\d+)/g)].map(([, letter, digits]) => letter + digits.length)',
  '"2026-01-31".match(/(?<year>\\d+)-(?<month>\\d+)/).groups.month',
  '/a/y.test("ba") || new RegExp("b", "i").test("B")',
  'RegExp("a") instanceof RegExp && /a/.constructor === RegExp && new RegExp(/x/g).flags',
  '"x,y".split(",", 1)',
  'String.raw({ raw: ["a", "b"] }, 1)',
  'encodeURIComponent("é&") + decodeURIComponent("%20")',
  'JSON.parse(JSON.stringify({ a: [1, { b: null }], c: undefined }), (k, v) => v === 1 ? 2 : v)',
  'Object.entries({ b: 1, a: 2 }).map(([k, v]) => k + v)',
  'Object.groupBy([1, 2, 3], (x) => x % 2 ? "odd" : "even").odd.length',
  'new Set([1, 2]).union(new Set([3])).size',
  '(1234.5678).toFixed(2) + (0.1 + 0.2) + (255).toString(16) + Number("12.5") + parseInt("7px")',
  '({}).toString() + [] + String(Symbol("x").description)',
  '(() => { class Mine extends Error { constructor(m) { super(m); this.name = "Mine" } } try { throw new Mine("x") } catch (e) { return e.name + e.message + (e instanceof Mine) + (e instanceof Error) + e } })()',
  '(() => { const e = new Error("a", { cause: 1 }); e.message = "b"; return e.message + e.cause })()',
  '(() => { function Old() {} Old.prototype.toString = function () { return "old" }; Old.prototype.constructor = Old; return String(new Old()) })()',
  '(() => { const o = {}; o.toString = () => "mine"; o.valueOf = () => 3; o.hasOwnProperty = 1; return String(o) + (o + 1) + Object.keys(o) })()',
  '(() => { class A { #x = 1; static n = 2; get x() { return this.#x } } class B extends A { x2 = super.x * 2 } return new B().x2 + A.n + new B().constructor.name })()',
  '(() => { const f = function () { return this.a }; f.call = 1; return f.bind({ a: 4 })() })()',
  '(() => { const { a = 1, ...rest } = { b: 2, c: 3 }; return [a, rest, a?.b ?? 5, 2 ** 3] })()',
  '(() => { let out = ""; for (const [k, v] of new Map([["a", 1]])) out += k + v; for (const k in { x: 1 }) out += k; return out })()',
  '(function* () { yield* [1, 2]; return 3 })().next().value',
  'new (class extends Map { get(k) { return super.get(k) ?? 0 } })().get(1)',
  '((strings, ...values) => strings.raw.join("|") + values.length)`a\\n`',
]

test.each(ORDINARY)('ordinary code does what it does elsewhere: %s', async (expression) => {
  expect(checkSource(`(${expression})`)).toBeUndefined()
  // The expressions are ours, above.
  const here = new Function(`'use strict'; return JSON.stringify({ value: (${expression}) })`)() as string
  expect(await inSandbox(expression)).toEqual(JSON.parse(here))
})

test('lengths that no cart has are refused, shorter ones are not', async () => {
  expect(await inSandbox('Array(100000).fill(1).indexOf(2)')).toEqual({ value: -1 })
  expect(await inSandbox('Array(100001).fill(1)')).toEqual({ error: 'RangeError' })
  expect(await inSandbox('"x".repeat(1000000).length')).toEqual({ value: 1_000_000 })
  expect(await inSandbox('"x".repeat(1000001)')).toEqual({ error: 'RangeError' })
  expect(await inSandbox('new RegExp("x".repeat(2000)).source.length')).toEqual({ value: 2_000 })
  expect(await inSandbox('new RegExp("x".repeat(2001))')).toEqual({ error: 'RangeError' })
})
