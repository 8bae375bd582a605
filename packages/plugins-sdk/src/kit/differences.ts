const SHOWN_MAX = 10

/** Where two JSON values differ, as lines for a person: '/operations/0/value/amount: expected 500, got 450'. None: they are equal. */
export function differences(expected: unknown, actual: unknown): string[] {
  const found = [...walk(expected, actual, '')]
  return found.length <= SHOWN_MAX ? found : [...found.slice(0, SHOWN_MAX), `and ${found.length - SHOWN_MAX} more`]
}

function* walk(expected: unknown, actual: unknown, at: string): Generator<string> {
  if (Object.is(expected, actual)) return
  if (isObject(expected) && isObject(actual) && Array.isArray(expected) === Array.isArray(actual)) {
    for (const name of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      yield* walk(own(expected, name), own(actual, name), `${at}/${name}`)
    }
    return
  }
  yield `${at || '/'}: expected ${show(expected)}, got ${show(actual)}`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function own(value: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value)
}
