/**
 * First part of the prelude: takes the realm apart until nothing in it can tell the time, draw a number, compile text, wait, or remember.
 * Globals are kept by name, so that what a later engine adds is gone by itself. Everything that is left and can be reached, through names or
 * through syntax, is frozen by `seal`: a bundle that is evaluated afresh then finds the realm as the first one found it.
 */
export const PRELUDE_LOCK = `
const realm = globalThis
const { Array, Error, Function, JSON, Map, Math, Number, Object, RangeError, RegExp, Set, String, Symbol, TypeError, WeakSet } = realm
const { apply, construct, defineProperty, deleteProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = realm.Reflect
const compile = Function
const { parse, stringify } = JSON
const { freeze, hasOwn } = Object
const { isArray } = Array

const KEPT = new Set([
  'Object', 'Array', 'Number', 'Boolean', 'String', 'Symbol', 'RegExp', 'Map', 'Set', 'WeakMap', 'WeakSet', 'Iterator',
  'Error', 'AggregateError', 'EvalError', 'RangeError', 'ReferenceError', 'SuppressedError', 'SyntaxError', 'TypeError', 'URIError',
  'JSON', 'Math', 'Reflect', 'globalThis', 'Infinity', 'NaN', 'undefined', 'isFinite', 'isNaN', 'parseFloat', 'parseInt',
  'decodeURI', 'decodeURIComponent', 'encodeURI', 'encodeURIComponent',
])
const ERRORS = ['Error', 'AggregateError', 'EvalError', 'RangeError', 'ReferenceError', 'SuppressedError', 'SyntaxError', 'TypeError', 'URIError']

const ofEachKind = [function () {}, function* () {}, async function () {}, async function* () {}]
const functionPrototypes = ofEachKind.map((sample) => getPrototypeOf(sample))

// What no name leads to, but an expression does.
function hiddenIntrinsics() {
  const found = [...functionPrototypes]
  for (const sample of ofEachKind) if (sample.prototype) found.push(getPrototypeOf(sample.prototype))
  const iterators = [[].values(), new Map().keys(), new Set().keys(), ''[Symbol.iterator](), 'a'.matchAll(/a/g), [].values().map((item) => item)]
  iterators.push(realm.Iterator.from({ next() {} }))
  for (const iterator of iterators) found.push(getPrototypeOf(iterator))
  const stack = getOwnPropertyDescriptor(new Error('sample'), 'stack')
  found.push(stack?.get, stack?.set)
  found.push(getOwnPropertyDescriptor((function () { return arguments })(), 'callee').get)
  return found
}
const hidden = hiddenIntrinsics()

function drop(holder, ...keys) {
  for (const key of keys) if (!deleteProperty(holder, key)) throw new Error('cannot remove ' + String(key))
}

for (const key of ownKeys(realm)) if (!KEPT.has(key)) drop(realm, key)
drop(Math, 'random')
drop(JSON, 'rawJSON', 'isRawJSON')
drop(Array, 'fromAsync')
drop(Array.prototype, 'toLocaleString')
drop(Number.prototype, 'toLocaleString')
drop(String.prototype, 'normalize', 'localeCompare', 'toLocaleLowerCase', 'toLocaleUpperCase')
drop(RegExp.prototype, 'compile')
// RegExp.$1, RegExp.lastMatch and the others remember the last match of whoever ran before.
for (const key of ownKeys(RegExp)) if (typeof key === 'string' && !['length', 'name', 'prototype', 'escape'].includes(key)) drop(RegExp, key)
drop(Function.prototype, 'caller', 'arguments')
drop(Error, 'captureStackTrace')
defineProperty(Error, 'stackTraceLimit', { value: 0, writable: false, configurable: false })
defineProperty(Error, 'prepareStackTrace', { value: undefined, writable: false, configurable: false })

function noCodeFromText() {
  throw new TypeError('code cannot be made from text')
}
for (const prototype of functionPrototypes) {
  defineProperty(prototype, 'constructor', { get: noCodeFromText, set: noCodeFromText, enumerable: false, configurable: false })
}

// A frozen prototype would forbid its heirs to have a property of the same name by assignment (error.name = 'Mine', object.toString = ...),
// which harmless code does all the time. An accessor lets them.
function letHeirsOverride(prototype, keys) {
  for (const key of keys) {
    const described = getOwnPropertyDescriptor(prototype, key)
    if (!described?.configurable || !('value' in described)) continue
    const { value } = described
    const accessor = {
      get() { return value },
      set(given) {
        if (this === prototype) throw new TypeError('the realm is frozen')
        if (hasOwn(this, key)) this[key] = given
        else defineProperty(this, key, { value: given, writable: true, enumerable: true, configurable: true })
      },
    }
    defineProperty(prototype, key, { get: accessor.get, set: accessor.set, enumerable: false, configurable: false })
  }
}

function seal() {
  letHeirsOverride(Object.prototype, ['constructor', 'hasOwnProperty', 'isPrototypeOf', 'propertyIsEnumerable', 'toLocaleString', 'toString', 'valueOf'])
  letHeirsOverride(Function.prototype, ['apply', 'bind', 'call', 'toString'])
  for (const name of ERRORS) letHeirsOverride(realm[name].prototype, ['constructor', 'message', 'name', 'toString'])
  const seen = new WeakSet()
  const waiting = [realm, ...hidden]
  while (waiting.length > 0) {
    const next = waiting.pop()
    if ((typeof next !== 'object' && typeof next !== 'function') || next === null || seen.has(next)) continue
    seen.add(next)
    freeze(next)
    waiting.push(getPrototypeOf(next))
    for (const key of ownKeys(next)) {
      const described = getOwnPropertyDescriptor(next, key)
      waiting.push(described.value, described.get, described.set)
    }
  }
}
`
