/**
 * Last part of the prelude: what a bundle finds beside the language (`definePlugin`, `console`), and the one function the runner holds.
 * A request and its answer are plain records of strings and numbers, copied; whatever a plugin throws ends here as a short text.
 */
export const PRELUDE_CALLS = `
const LOG_LINES_MAX = 8
const LOG_LINE_LENGTH_MAX = 250
const DETAIL_LENGTH_MAX = 300

let plugin
let evaluating = false
let lines = []
let factory

function short(text, most) {
  return text.length > most ? text.slice(0, most) : text
}

function describe(thrown) {
  try {
    if ((typeof thrown !== 'object' && typeof thrown !== 'function') || thrown === null) return short(String(thrown), DETAIL_LENGTH_MAX)
    const { name, message } = thrown
    const words = [name, message].filter((word) => typeof word === 'string' && word !== '').map((word) => short(word, DETAIL_LENGTH_MAX))
    return words.length > 0 ? short(words.join(': '), DETAIL_LENGTH_MAX) : 'something that is no error'
  } catch {
    return 'something that cannot be read'
  }
}

function log(...given) {
  if (lines.length >= LOG_LINES_MAX) return
  let line = ''
  for (const one of given) {
    if (line.length > LOG_LINE_LENGTH_MAX) break
    const text = typeof one === 'string' ? one : typeof one === 'object' && one !== null ? stringify(one) : String(one)
    line += (line === '' ? '' : ' ') + short(text === undefined ? 'undefined' : text, LOG_LINE_LENGTH_MAX)
  }
  lines.push(short(line, LOG_LINE_LENGTH_MAX))
}
realm.console = { debug: log, error: log, info: log, log, warn: log }

realm.definePlugin = function definePlugin(given) {
  if (!evaluating) throw new TypeError('definePlugin is called once, while the bundle is loaded')
  if (plugin !== undefined) throw new TypeError('definePlugin was called twice')
  if (typeof given !== 'object' || given === null) throw new TypeError('definePlugin takes an object')
  plugin = given
}

function ownFunction(holder, key) {
  return typeof holder === 'object' && holder !== null && hasOwn(holder, key) ? holder[key] : undefined
}

// The whole bundle again, for every call: variables, caches and counters of an earlier call belong to closures that nobody holds.
function evaluate() {
  plugin = undefined
  evaluating = true
  try {
    factory()
  } finally {
    evaluating = false
  }
  const contracts = plugin === undefined ? undefined : ownFunction(plugin, 'contracts')
  if (typeof contracts !== 'object' || contracts === null) throw new TypeError('the bundle did not call definePlugin with contracts')
  return contracts
}

const requests = {
  load({ source }) {
    factory = new compile('"use strict";' + source)
    freeze(factory.prototype)
    freeze(factory)
    return { ok: true }
  },
  hooks() {
    const found = []
    const contracts = evaluate()
    for (const contract of ownKeys(contracts)) {
      if (typeof contract !== 'string' || found.length >= 100) continue
      const hooks = contracts[contract]
      if (typeof hooks !== 'object' || hooks === null) continue
      found.push([contract, ownKeys(hooks).filter((name) => typeof name === 'string' && typeof hooks[name] === 'function').slice(0, 100)])
    }
    return { ok: true, json: short(stringify(found), TEXT_LENGTH_MAX) }
  },
  call({ contract, hook, input, configuration, outputMax }) {
    const hooks = ownFunction(evaluate(), contract)
    const run = ownFunction(hooks, hook)
    if (typeof run !== 'function') return { reason: 'refused', detail: 'the bundle has no hook ' + contract + '.' + hook }
    const json = stringify(apply(run, hooks, [parse(input), parse(configuration)]))
    if (typeof json !== 'string') return { reason: 'output_invalid', detail: 'the hook answered nothing' }
    if (json.length > outputMax) return { reason: 'output_too_large', detail: 'an answer of ' + json.length + ' characters' }
    return { ok: true, json }
  },
}

seal()
return function answer(request) {
  lines = []
  try {
    const answered = requests[request.kind](request)
    answered.lines = lines
    return answered
  } catch (thrown) {
    return { reason: 'threw', detail: describe(thrown), lines }
  } finally {
    plugin = undefined
  }
}
`
