/**
 * One-line attacks on whoever runs plugins: each kind that is known of bare isolates, their variants, and the tricks by which code left
 * other sandboxes. Data for tests of the host and for authors who want to see what happens.
 */
export interface Attack {
  name: string
  /** The body of a hook, with `input` and `configuration`; or a whole bundle. */
  code: string
  isBundle: boolean
  /** How it may end. */
  ends: End[]
  /** What a harmless one answers, as JSON. */
  answer?: string
}

/** `stopped`: out of time or memory, or killed. `bounded`: more was answered than may be. `odd`: what was answered is no answer. */
export type End = 'stopped' | 'threw' | 'refused' | 'bounded' | 'odd' | 'harmless'

type Line = [name: string, code: string, ends: string, answer?: string]

const LOOPS: Line[] = [
  ['endless loop', 'while (true) {}', 'stopped'],
  ['loop that catches its termination', 'for (;;) { try { while (true) {} } catch {} }', 'stopped'],
  ['loop in finally', 'try { while (true) {} } finally { while (true) {} }', 'stopped'],
  ['recursion that catches its overflow', 'function f() { try { f() } finally { f() } } f()', 'stopped threw'],
  ['labelled loop', 'a: for (;;) { for (;;) continue a }', 'stopped'],
  ['backtracking pattern', 'return /^(a+)+$/.test("a".repeat(40) + "b")', 'stopped'],
  ['backtracking pattern with two plusses', 'return /(x+x+)+y/.exec("x".repeat(50))', 'stopped'],
  ['backtracking in split', 'return "a".repeat(40).split(/(a*)*b/)', 'stopped'],
  ['backtracking in replace', 'return ("a".repeat(40) + "!").replace(/(a|aa)+$/, "")', 'stopped'],
  ['backreference pattern', 'return /(.*)*\\1b/.test("a".repeat(60))', 'stopped'],
  ['replacer that loops', 'return "a".replace(/a/, () => { while (true) {} })', 'stopped'],
  ['toJSON that loops', 'return { toJSON() { while (true) {} } }', 'stopped'],
  ['getter in the answer that loops', 'return { get a() { while (true) {} } }', 'stopped'],
  ['valueOf that loops', 'return { valueOf() { while (true) {} } } + 1', 'stopped'],
  ['toPrimitive that loops', 'return "" + { [Symbol.toPrimitive]() { while (true) {} } }', 'stopped'],
  [
    'species that loops',
    'class A extends Array { static get [Symbol.species]() { while (true) {} } } return new A(1).map(x => x)',
    'stopped',
  ],
  ['comparison that loops', 'return [2, 1].sort(() => { while (true) {} })', 'stopped'],
  ['reviver that loops', 'return JSON.parse("[1]", () => { while (true) {} })', 'stopped'],
  ['replacer of JSON that loops', 'return JSON.stringify([1], () => { while (true) {} })', 'stopped'],
  ['hasInstance that loops', 'return 1 instanceof { [Symbol.hasInstance]() { while (true) {} } }', 'stopped'],
  ['iterator without end', 'return [...(function* () { while (true) yield 1 })()]', 'stopped'],
  [
    'iterator without end, reused object',
    'const r = { value: 1, done: false }; return Array.from({ [Symbol.iterator]: () => ({ next: () => r }) })',
    'stopped',
  ],
  ['set that grows while it is read', 'const s = new Set([1]); for (const x of s) { s.delete(x); s.add(x) }', 'stopped'],
  ['list that grows while it is read', 'const a = [1]; for (const x of a) a.push(x)', 'stopped'],
  ['fold without end', 'return Iterator.from((function* () { while (true) yield 1 })()).reduce((a, b) => a + b)', 'stopped'],
  ['lazy chain without end', 'return (function* () { while (true) yield 1 })().filter((x) => x > 1).next()', 'stopped'],
  ['static block that loops', 'return class { static { while (true) {} } }', 'stopped'],
  ['default value that loops', 'const { a = (() => { while (true) {} })() } = {}; return a', 'stopped'],
  ['disposer that loops', '{ using x = { [Symbol.dispose]() { while (true) {} } } }', 'stopped'],
  ['tagged template that loops', 'const tag = () => { while (true) {} }; return tag`x`', 'stopped'],
]

const MEMORY: Line[] = [
  ['growing list', 'const a = []; while (true) a.push(new Array(1000).fill(1))', 'stopped'],
  ['growing map', 'const m = new Map(); let i = 0; while (true) m.set(i++, {})', 'stopped'],
  ['growing set', 'const m = new Set(); let i = 0; while (true) m.add({ i: i++ })', 'stopped'],
  ['growing weak map', 'const m = new WeakMap(), k = []; while (true) { const o = {}; k.push(o); m.set(o, o) }', 'stopped'],
  ['growing object', 'const o = {}; let i = 0; while (true) o["k" + i++] = i', 'stopped'],
  ['doubling text', 'let s = "x"; while (true) s += s', 'threw stopped'],
  [
    'doubling text that is kept',
    'const k = []; let s = "xyz"; for (;;) { s = s + s.slice(1); k.push(s.split("").join("-")) }',
    'threw stopped',
  ],
  ['many flat texts', 'const a = []; for (;;) a.push("x".repeat(1e6).toUpperCase() + a.length)', 'stopped'],
  ['registered symbols', 'let i = 0; for (;;) Symbol.for("a" + i++)', 'stopped'],
  ['copies through JSON', 'let a = [1]; for (;;) a = a.concat(JSON.parse(JSON.stringify(a)))', 'threw stopped'],
  ['chain of bound functions', 'let f = () => 1; for (;;) f = f.bind(null, f)', 'stopped threw'],
  ['chain of causes', 'let e; for (;;) e = new Error("x", { cause: e })', 'stopped'],
  ['chain of closures', 'let f = () => 1; for (;;) { const g = f; f = () => g() }', 'stopped'],
  ['list of a thousand million', 'return Array(1e9).fill(0)', 'threw'],
  ['list of sixty million', 'return Array(6e7).fill()', 'threw stopped'],
  ['text taken apart', 'return "a".repeat(2 ** 28).split("")', 'threw'],
  ['padded text', 'return "a".padEnd(2 ** 29 - 24)', 'threw'],
  [
    'padded text, many',
    'const a = []; for (let i = 0; i < 1e4; i++) a.push("a".padStart(1e6, "xyz" + i)); return a.join("").length',
    'stopped threw',
  ],
  ['holes joined', 'return Array(2 ** 32 - 1).join("xxxxxxxx")', 'threw'],
  ['list from a length', 'return Array.from({ length: 1e9 })', 'threw'],
  ['list from a length that lies', 'let n = 0; return Array.from({ get length() { return n++ ? 2 ** 53 - 1 : 1 } })', 'threw'],
  ['plain buffer of 8 GB', 'return new ArrayBuffer(8e9).byteLength', 'threw'],
  ['resizable buffer kept', 'globalThis.k = new ArrayBuffer(0, { maxByteLength: 1e8 })', 'threw'],
  ['shared buffer kept', 'globalThis.k = new SharedArrayBuffer(0, { maxByteLength: 1e8 })', 'threw'],
  ['WebAssembly memory kept', 'globalThis.k = new WebAssembly.Memory({ initial: 1000 })', 'threw'],
  [
    'WebAssembly tables',
    'const a = []; for (let i = 0; i < 20; i++) a.push(new WebAssembly.Table({ initial: 1e7, element: "anyfunc" }))',
    'threw',
  ],
  ['typed arrays', 'const a = []; for (;;) a.push(new Uint8Array(1e8))', 'threw'],
  ['half floats', 'return new Float16Array(1e9)', 'threw'],
  ['number formats', 'const a = []; for (;;) a.push(new Intl.NumberFormat("de"))', 'threw'],
  ['text through raw', 'return String.raw({ raw: { length: 2 ** 53 - 1 } })', 'threw'],
  [
    'deep indentation',
    'let a = 1; for (let i = 0; i < 5e3; i++) a = [a]; return JSON.stringify(a, null, "          ").length',
    'stopped threw harmless',
  ],
]

const THROWN: Line[] = [
  ['getter on message', 'const e = new Error("x"); Object.defineProperty(e, "message", { get() { while (true) {} } }); throw e', 'stopped'],
  ['getter on name', 'const e = new Error("x"); Object.defineProperty(e, "name", { get() { while (true) {} } }); throw e', 'stopped'],
  ['getter on stack', 'const e = new Error("x"); Object.defineProperty(e, "stack", { get() { while (true) {} } }); throw e', 'threw'],
  ['getters that throw themselves', 'throw { get name() { throw this }, get message() { throw this } }', 'threw'],
  ['proxy thrown', 'throw new Proxy({}, { get() { while (true) {} } })', 'threw'],
  ['toString that loops, thrown', 'throw { toString() { while (true) {} } }', 'threw'],
  ['message that is an object', 'throw { message: { toString() { while (true) {} } } }', 'threw'],
  ['message of 256 MB', 'throw new Error("x".repeat(2 ** 20).padEnd(2 ** 28))', 'threw'],
  ['message of a million characters', 'throw new Error("x".repeat(1e6))', 'threw'],
  ['text thrown', 'throw "x".repeat(1e6)', 'threw'],
  ['null thrown', 'throw null', 'threw'],
  ['nothing thrown', 'throw undefined', 'threw'],
  ['symbol thrown', 'throw Symbol("x")', 'threw'],
  ['function thrown', 'throw () => 1', 'threw'],
  ['ring thrown', 'const a = []; a.push(a); throw a', 'threw'],
  ['errors in an error', 'throw new AggregateError(Array(1e5).fill(new Error("x")), "many")', 'threw'],
  ['suppressed error', 'throw new SuppressedError({ get message() { while (true) {} } }, 1, "x")', 'threw'],
  ['heir of error with a getter', 'throw new (class extends Error { get message() { while (true) {} } })()', 'stopped'],
  ['prepareStackTrace that loops', 'Error.prepareStackTrace = () => { while (true) {} }; throw new Error("x")', 'threw'],
  ['overflow thrown', 'const f = () => f(); f()', 'threw'],
  [
    'overflow with a getter',
    'let e; const f = () => { try { f() } catch (x) { e = x; Object.defineProperty(e, "message", { get: f }) } }; f(); throw e',
    'threw stopped',
  ],
]

const WAITING: Line[] = [
  ['rejection nobody handles', 'Promise.reject(new Error("x"))', 'threw'],
  ['rejection from an async function', '(async () => { throw new Proxy({}, {}) })()', 'refused'],
  ['async generator', 'return (async function* () { yield 1 })()', 'refused'],
  ['async method', 'return { async a() {} }.a()', 'refused'],
  ['await at the top', 'await 1\ndefinePlugin({ contracts: {} })', 'refused'],
  ['for await', 'for await (const x of []) {}', 'refused'],
  ['await using', '{ await using x = null }', 'refused'],
  ['list from an async iterator', 'return Array.fromAsync([1])', 'threw'],
  ['promise that never settles', 'return new Promise(() => {})', 'threw'],
  ['microtasks without end', 'const f = () => queueMicrotask(f); f()', 'threw'],
  ['then without end', 'const f = () => Promise.resolve().then(f); f()', 'threw'],
  ['timer', 'setTimeout(() => {}, 0)', 'threw'],
  ['waiting on memory', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)', 'threw'],
  ['finalization callbacks', 'const r = new FinalizationRegistry(() => { while (true) {} }); r.register({}, 1)', 'threw'],
  ['weak reference', 'return new WeakRef({}).deref()', 'threw'],
  ['thenable answered', 'return { then(f) { f({ a: 1 }) } }', 'harmless', '{}'],
  ['async disposal', 'return new AsyncDisposableStack()', 'threw'],
]

const BUILT_IN: Line[] = [
  ['sort of 2^32 holes', 'const a = []; a.length = 2 ** 32 - 1; return a.sort()', 'threw'],
  ['indexOf on a length of 2^53', 'return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)', 'threw'],
  ['lastIndexOf on a length of 2^53', 'return Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1)', 'threw'],
  ['includes on a length of 2^53', 'return Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)', 'threw'],
  ['forEach on a length of 2^53', 'return Array.prototype.forEach.call({ length: 2 ** 53 - 1 }, () => 1)', 'threw'],
  ['reverse on a length of 2^53', 'return Array.prototype.reverse.call({ length: 2 ** 53 - 1 })', 'threw'],
  ['fill on a length of 2^53', 'return Array.prototype.fill.call({ length: 2 ** 53 - 1 }, 1)', 'threw'],
  ['copyWithin on a length of 2^53', 'return Array.prototype.copyWithin.call({ length: 2 ** 53 - 1 }, 1)', 'threw'],
  ['splice on a length of 2^53', 'return Array.prototype.splice.call({ length: 2 ** 53 - 1 }, 0, 1)', 'threw'],
  ['unshift on a length of 2^53', 'return Array.prototype.unshift.call({ length: 2 ** 53 - 2 }, 1)', 'threw'],
  ['join on a length of 2^53', 'return Array.prototype.join.call({ length: 2 ** 53 - 1 })', 'threw'],
  ['reduceRight on a length of 2^53', 'return Array.prototype.reduceRight.call({ length: 2 ** 53 - 1 }, () => 1, 1)', 'threw'],
  ['a length that lies', 'let n = 0; return Array.prototype.indexOf.call({ get length() { return n++ ? 2 ** 53 - 1 : 1 } }, 1)', 'threw'],
  ['a length inherited', 'return Array.prototype.indexOf.call(Object.create({ length: 2 ** 53 - 1 }), 1)', 'threw'],
  ['spreadable of 2^53', 'return [].concat({ length: 2 ** 53 - 1, [Symbol.isConcatSpreadable]: true })', 'threw'],
  ['flattened holes', 'const a = []; a.length = 4e9; return [a].flat()', 'threw'],
  ['flat map of holes', 'const a = []; a.length = 4e9; return [1].flatMap(() => a)', 'threw'],
  ['holes spread', 'const a = []; a.length = 4e9; return [...a].length', 'stopped threw'],
  ['holes as arguments', 'const a = []; a.length = 4e9; return Math.max(...a)', 'stopped threw'],
  ['holes to a set', 'const a = []; a.length = 4e9; return new Set(a).size', 'stopped threw'],
  ['holes dropped', 'const a = []; a.length = 4e9; return a.values().drop(4e9).next()', 'stopped threw'],
  ['holes to text', 'const a = []; a.length = 4e9; return JSON.stringify(a).length', 'stopped threw'],
  ['apply with a length of 10^9', 'return Math.max.apply(null, { length: 1e9 })', 'threw'],
  ['Reflect.apply with a length of 2^53', 'return Reflect.apply(Math.max, null, { length: 2 ** 53 - 1 })', 'threw'],
  ['Reflect.construct with a length of 2^53', 'return Reflect.construct(Date ?? Map, { length: 2 ** 53 - 1 })', 'threw'],
  ['BigInt literals', 'let a = 3n; for (;;) a = a * a', 'refused'],
  ['BigInt of ten million digits', 'return (10n ** 10000000n).toString()', 'refused'],
  ['BigInt by name', 'let a = BigInt(3); for (;;) a = a * a', 'threw'],
  ['BigInt through a typed array', 'return new BigInt64Array(1)[0]', 'threw'],
  ['normal forms', 'let s = "\\u1e9b\\u0323".repeat(1e5); for (let i = 0; i < 50; i++) s.normalize("NFKD")', 'threw'],
  ['comparison by language', 'return "a".repeat(1e6).localeCompare("a".repeat(1e6))', 'threw'],
  ['capitals by language', 'return "i".repeat(1e6).toLocaleUpperCase("tr")', 'threw'],
  ['sorted typed arrays', 'for (let i = 0; i < 100; i++) new Float64Array(1e6).sort()', 'threw'],
  ['pattern of 100 kB', 'return new RegExp("(a?)".repeat(25000) + "b").test("a".repeat(100))', 'threw'],
  ['pattern of 100 kB from a text', 'return "a".match("(a?)".repeat(25000) + "b")', 'threw'],
  ['pattern compiled anew', 'const r = /a/; r.compile("(a?)".repeat(25000)); return r.test("a")', 'threw'],
  ['deep recursion', 'const f = (n) => f(n + 1) + 1; return f(0)', 'threw'],
  ['deep pattern', 'return new RegExp("(".repeat(900) + ")".repeat(900)).test("")', 'threw harmless'],
  ['deep nesting in the source', `return ${'['.repeat(20_000)}${']'.repeat(20_000)}`, 'refused'],
  ['nested arrays parsed', 'return JSON.parse("[".repeat(5e5) + "]".repeat(5e5)).length', 'threw stopped harmless'],
  ['five million nested arrays parsed', 'return JSON.parse("[".repeat(5e6) + "]".repeat(5e6))', 'threw'],
  [
    'long texts sorted',
    'const s = "x".repeat(1e6), a = []; for (let i = 0; i < 2e4; i++) a.push(s.slice(i)); return a.sort().length',
    'stopped',
  ],
  [
    'numbers of a million digits',
    'const s = "9".repeat(1e6), a = []; for (let i = 0; i < 2e4; i++) a.push(s.slice(i)); return Math.max(...a)',
    'stopped',
  ],
  [
    'keys of a million characters',
    'const s = "x".repeat(1e6), a = []; for (let i = 0; i < 2e4; i++) a.push([s.slice(i), 1]); return Object.fromEntries(a)',
    'stopped',
  ],
  ['needle and haystack', 'return ("a".repeat(9e5)).indexOf("b" + "a".repeat(9000))', 'stopped threw harmless'],
  ['long text escaped', 'let s = "é".repeat(1e6); s += s; return encodeURIComponent(s + s + s).length', 'threw'],
  ['long text in capitals', 'let s = "x".repeat(1e6); for (let i = 0; i < 8; i++) s += s; return s.toUpperCase()', 'threw'],
  ['number of a million digits', 'return Number("9".repeat(1e6))', 'odd harmless', 'null'],
]

const ANSWERS: Line[] = [
  ['text of 2^20', 'return "x".repeat(2 ** 20 - 100000)', 'bounded'],
  ['text of 2^28', 'let s = "x".repeat(2 ** 19); for (let i = 0; i < 9; i++) s += s; return s', 'bounded stopped threw'],
  ['one text many times', 'const s = "x".repeat(1e6); return Array(200).fill(s)', 'bounded stopped threw'],
  ['shared graph', 'let a = 1; for (let i = 0; i < 40; i++) a = [a, a]; return a', 'stopped threw'],
  ['list of 2^32 holes', 'const a = []; a.length = 2 ** 32 - 1; return a', 'stopped threw bounded'],
  ['list of 3 * 10^7 holes', 'const a = []; a[3e7] = 1; return a', 'stopped threw bounded'],
  ['a million operations', 'const a = []; for (let i = 0; i < 1e5; i++) a.push({ i }); return { operations: a }', 'bounded stopped'],
  ['map of 300,000', 'const m = new Map(); for (let i = 0; i < 3e5; i++) m.set(i, i); return m', 'harmless stopped', '{}'],
  ['ring', 'const a = {}; a.a = a; return a', 'threw'],
  ['nested deeply', 'let a = 1; for (let i = 0; i < 1000; i++) a = [a]; return a', 'odd'],
  ['nothing', '', 'odd'],
  ['function', 'return () => 1', 'odd'],
  ['symbol', 'return Symbol("x")', 'odd'],
  ['no number', 'return { a: 0 / 0, b: 1 / 0 }', 'harmless', '{"a":null,"b":null}'],
  ['__proto__ as a key', 'return JSON.parse(\'{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}\')', 'harmless'],
  ['half a character', 'return "\\ud800"', 'harmless', '"\\ud800"'],
  ['toJSON that answers nothing', 'return { toJSON() {} }', 'odd'],
  ['proxy answered', 'return new Proxy({}, { ownKeys() { while (true) {} } })', 'threw'],
  ['raw JSON', 'return JSON.rawJSON("1e400")', 'threw'],
  ['log without end', 'for (;;) console.log("x".repeat(1e5))', 'stopped'],
  ['log of an object that loops', 'console.log({ toJSON() { while (true) {} } })', 'stopped'],
  ['inspection hook', 'return { [Symbol.for("nodejs.util.inspect.custom")]() { while (true) {} }, a: 1 }', 'harmless', '{"a":1}'],
]

const ESCAPES: Line[] = [
  ['constructor of a constructor', 'return ({}).constructor.constructor("return process")()', 'threw'],
  ['constructor of an arrow', 'return (() => 1).constructor("return 1")()', 'threw'],
  ['constructor of a generator', 'return (function* () {}).constructor("yield 1")', 'threw'],
  ['constructor by descriptor', 'return Object.getOwnPropertyDescriptor(Object.getPrototypeOf(() => 1), "constructor").get()', 'threw'],
  ['constructor of the input', 'return input.constructor.constructor("return this")()', 'threw'],
  ['constructor of definePlugin', 'return definePlugin.constructor("return this")()', 'threw'],
  ['constructor of console', 'return console.log.constructor("return this")()', 'threw'],
  ['Function by name', 'return Function("return 1")()', 'threw'],
  ['eval', 'return eval("1")', 'threw'],
  ['eval through the global object', 'return (0, globalThis.eval)("1")', 'threw'],
  ['timer with text', 'return setTimeout("1")', 'threw'],
  ['dynamic import', 'return import("node:fs")', 'refused'],
  ['static import', 'import fs from "node:fs"', 'refused'],
  ['import.meta', 'return import.meta.url', 'refused'],
  ['require', 'return require("node:fs")', 'threw'],
  ['process', 'return process.pid', 'threw'],
  [
    'what is known of the host',
    'return [typeof process, typeof require, typeof module, typeof global, typeof fetch, typeof Deno]',
    'harmless',
    '["undefined","undefined","undefined","undefined","undefined","undefined"]',
  ],
  [
    'every name in the realm probed',
    'return Reflect.ownKeys(globalThis).filter((k) => /ivm|isolate|process|require|host|node/i.test(String(k)))',
    'harmless',
    '[]',
  ],
  ['callers', 'return (function f() { return f.caller })()', 'odd'],
  ['arguments.callee', 'return (function () { return arguments.callee })()', 'threw'],
  ['call sites', 'Error.prepareStackTrace = (_, sites) => sites[0].getThis(); return new Error().stack', 'threw'],
  ['captured stack', 'const o = {}; Error.captureStackTrace(o); return o.stack', 'threw'],
  [
    'stack of an overflow',
    'try { (function f() { f() })() } catch (e) { return e.stack ?? "" }',
    'harmless',
    '"RangeError: Maximum call stack size exceeded"',
  ],
  ['Object.prototype polluted', 'Object.prototype.polluted = 1', 'threw'],
  ['__proto__ assigned', '({}).__proto__.polluted = 1', 'threw'],
  ['toJSON for everything', 'Object.prototype.toJSON = () => 1', 'threw'],
  ['Array.prototype with a setter', 'Object.defineProperty(Array.prototype, 0, { set() { while (true) {} } })', 'threw'],
  ['iterator of lists replaced', 'Array.prototype[Symbol.iterator] = function* () { while (true) yield 1 }', 'threw'],
  ['JSON replaced', 'JSON.stringify = () => "pwned"', 'threw'],
  ['JSON defined anew', 'Object.defineProperty(globalThis, "JSON", { value: { stringify: () => "x" } })', 'threw'],
  ['call replaced', 'Function.prototype.call = () => 1', 'threw'],
  ['prototype of the global object', 'Object.setPrototypeOf(globalThis, { x: 1 })', 'threw'],
  ['console replaced', 'console.log = () => 1', 'threw'],
  ['definePlugin again', 'definePlugin({ contracts: {} })', 'threw'],
  ['promise machinery', 'Promise.prototype.then = () => 1', 'threw'],
  ['WebAssembly exception tag', 'return WebAssembly.JSTag', 'threw'],
  ['engine functions', 'return %DebugPrint(1)', 'refused'],
  ['with', 'with (input) { return x }', 'refused'],
  ['HTML comment', 'return 1 <!-- 2', 'refused'],
  ['escaped async', 'return \\u0061sync () => 1', 'refused'],
  [
    'species that answers itself',
    'class A extends Array { static get [Symbol.species]() { return function () { return input } } } return new A(1, 2).map((x) => x) === input',
    'harmless threw',
    'true',
  ],
]

const BUNDLES: Line[] = [
  ['loop while the bundle loads', 'while (true) {}', 'stopped'],
  ['throw while the bundle loads', 'throw new Error("x")', 'threw'],
  ['no plugin defined', 'const a = 1', 'threw'],
  ['two plugins defined', 'definePlugin({ contracts: {} }); definePlugin({ contracts: {} })', 'threw'],
  ['contracts behind a getter that loops', 'definePlugin({ get contracts() { while (true) {} } })', 'stopped'],
  ['hook behind a getter that loops', 'definePlugin({ contracts: { "discount@1": { get run() { while (true) {} } } } })', 'stopped'],
  ['hook from the prototype', 'definePlugin({ contracts: { __proto__: { "discount@1": { run: () => 1 } } } })', 'refused'],
  ['no such hook', 'definePlugin({ contracts: { "discount@1": {} } })', 'refused'],
  ['definePlugin of nothing', 'definePlugin(null)', 'threw'],
  ['closing the function it is put in', '}); while (true) {} (function () {', 'refused'],
  ['return at the top', 'return 1', 'refused'],
  ['not a script', '<html>', 'refused'],
  ['a binary', '\u0000asm\u0001', 'refused'],
  ['600 kB of source', `definePlugin({ contracts: {} })//${'x'.repeat(600_000)}`, 'refused'],
]

const HOOKS = [LOOPS, MEMORY, THROWN, WAITING, BUILT_IN, ANSWERS, ESCAPES].flat()

export const ATTACKS: Attack[] = [...HOOKS.map((line) => toAttack(line, false)), ...BUNDLES.map((line) => toAttack(line, true))]

/** The whole bundle of an attack, as a discount plugin. */
export function attackBundle({ code, isBundle }: Attack): string {
  return isBundle ? code : `definePlugin({ contracts: { 'discount@1': { run(input, configuration) { ${code}\n} } } })`
}

function toAttack([name, code, ends, answer]: Line, isBundle: boolean): Attack {
  return { name, code, isBundle, ends: ends.split(' ') as End[], ...(answer === undefined ? {} : { answer }) }
}
