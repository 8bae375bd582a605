/**
 * Second part of the prelude: built-in functions that loop without ever asking whether they should stop. On a length of 2^53 they would run until
 * the process is killed, so they refuse lengths that no cart has. What slips through is the supervisor's.
 */
export const PRELUDE_GUARDS = `
const ARRAY_LENGTH_MAX = 100000
const TEXT_LENGTH_MAX = 1000000
const PATTERN_LENGTH_MAX = 2000
const PATTERN_LENGTH_IN_TEXT_MAX = 10000

function replace(holder, name, make) {
  const described = getOwnPropertyDescriptor(holder, name)
  const original = described.value
  // A method, not a function: no prototype, no construct.
  const made = make(original)
  defineProperty(made, 'name', { value: original.name, configurable: true })
  defineProperty(made, 'length', { value: original.length, configurable: true })
  described.value = made
  defineProperty(holder, name, described)
}

function guard(holder, names, check) {
  for (const name of names) {
    replace(holder, name, (original) => ({ guarded(...given) { check(this, given); return apply(original, this, given) } }).guarded)
  }
}

function checkLength(list) {
  if (isArray(list)) {
    if (list.length > ARRAY_LENGTH_MAX) throw new RangeError('a list of more than ' + ARRAY_LENGTH_MAX)
    return
  }
  if ((typeof list !== 'object' && typeof list !== 'function') || list === null) return
  // Read once and believed: a getter could say another length next time.
  const described = getOwnPropertyDescriptor(list, 'length')
  if (described === undefined && !('length' in list)) return
  if (typeof described?.value !== 'number' || described.value > ARRAY_LENGTH_MAX) throw new RangeError('not a list of at most ' + ARRAY_LENGTH_MAX)
}

function checkText(text) {
  if (typeof text === 'string' && text.length > TEXT_LENGTH_MAX) throw new RangeError('a text of more than ' + TEXT_LENGTH_MAX)
}

function checkPattern(pattern, most) {
  if (typeof pattern === 'string' && pattern.length > most) throw new RangeError('a pattern of more than ' + most)
}

guard(Array.prototype, [
  'copyWithin', 'every', 'fill', 'filter', 'find', 'findIndex', 'findLast', 'findLastIndex', 'forEach', 'includes', 'indexOf', 'join',
  'lastIndexOf', 'map', 'reduce', 'reduceRight', 'reverse', 'shift', 'slice', 'some', 'sort', 'splice', 'toReversed', 'toSorted', 'toSpliced',
  'toString', 'unshift', 'with',
], checkLength)
guard(Array.prototype, ['concat'], (list, given) => {
  checkLength(list)
  for (const item of given) {
    if (typeof item !== 'object' || item === null) continue
    if (isArray(item)) checkLength(item)
    else if (Symbol.isConcatSpreadable in item) throw new TypeError('only lists can be joined')
  }
})

// Written out, so that the engine can interrupt them between two items.
function flatten(list, depth, into) {
  checkLength(list)
  for (let at = 0; at < list.length; at++) {
    if (!(at in list)) continue
    if (depth > 0 && isArray(list[at])) flatten(list[at], depth - 1, into)
    else into[into.length] = list[at]
  }
  return into
}
replace(Array.prototype, 'flat', () => ({ flat(depth = 1) { return flatten(this, +depth, []) } }).flat)
replace(Array.prototype, 'flatMap', () => ({
  flatMap(make, self) {
    checkLength(this)
    const made = []
    for (let at = 0; at < this.length; at++) if (at in this) made[made.length] = apply(make, self, [this[at], at, this])
    return flatten(made, 1, [])
  },
}).flatMap)
replace(Array, 'from', () => ({
  from(items, make, self) {
    if (items === undefined || items === null) throw new TypeError('nothing to make a list from')
    if (make !== undefined && typeof make !== 'function') throw new TypeError('not a function')
    const list = typeof this === 'function' ? new this() : []
    let at = 0
    const add = (item) => {
      defineProperty(list, at, { value: make === undefined ? item : apply(make, self, [item, at]), writable: true, enumerable: true, configurable: true })
      at++
    }
    if (typeof items[Symbol.iterator] === 'function') for (const item of items) add(item)
    else {
      checkLength(items)
      const { length } = items
      while (at < length) add(items[at])
    }
    list.length = at
    return list
  },
}).from)
guard(realm.Reflect, ['apply'], (self, given) => checkLength(given[2]))
guard(realm.Reflect, ['construct'], (self, given) => checkLength(given[1]))
guard(Function.prototype, ['apply'], (self, given) => checkLength(given[1]))
guard(String, ['raw'], (self, given) => { if (given[0] !== undefined && given[0] !== null) checkLength(given[0].raw) })

guard(String.prototype, ['repeat'], (text, given) => {
  checkText(text)
  if (+given[0] * String(text).length > TEXT_LENGTH_MAX) throw new RangeError('a text of more than ' + TEXT_LENGTH_MAX)
})
guard(String.prototype, ['padEnd', 'padStart'], (text, given) => {
  if (+given[0] > TEXT_LENGTH_MAX) throw new RangeError('a text of more than ' + TEXT_LENGTH_MAX)
})
guard(String.prototype, ['match', 'matchAll', 'replace', 'replaceAll', 'search', 'split'], (text, given) => {
  checkText(text)
  checkPattern(given[0], PATTERN_LENGTH_IN_TEXT_MAX)
})
guard(String.prototype, ['isWellFormed', 'lastIndexOf', 'toLowerCase', 'toUpperCase', 'toWellFormed'], checkText)
guard(String.prototype, ['includes', 'indexOf'], (text, given) => {
  checkText(text)
  if (typeof given[0] === 'string' && given[0].length > PATTERN_LENGTH_IN_TEXT_MAX) throw new RangeError('a text too long to search for')
})
guard(realm, ['decodeURI', 'decodeURIComponent', 'encodeURI', 'encodeURIComponent'], (self, given) => checkText(given[0]))
guard(JSON, ['parse'], (self, given) => checkText(given[0]))

const EngineRegExp = RegExp
const PatternRegExp = { RegExp: function (pattern, flags) {
  checkPattern(pattern, PATTERN_LENGTH_MAX)
  return construct(EngineRegExp, [pattern, flags], new.target ?? PatternRegExp)
} }.RegExp
PatternRegExp.prototype = EngineRegExp.prototype
PatternRegExp.escape = EngineRegExp.escape
defineProperty(EngineRegExp.prototype, 'constructor', { value: PatternRegExp, writable: true, enumerable: false, configurable: true })
defineProperty(realm, 'RegExp', { value: PatternRegExp, writable: true, enumerable: false, configurable: true })
hidden.push(EngineRegExp, PatternRegExp)
`
