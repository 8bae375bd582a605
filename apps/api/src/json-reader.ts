import { isUtf8 } from 'node:buffer'
import { Problem } from './errors.ts'

export const JSON_DEPTH_MAX = 64
export const JSON_KEYS_MAX = 10_000
// How many of them are told.
const ODD_NUMBERS_MAX = 20

/** A number that is not written as we write numbers: 1.0, 1E2, -0. */
export interface OddNumber {
  pointer: string
  text: string
}

interface Frame {
  /** Keys of an object so far; undefined in an array. */
  keys: Set<string> | undefined
  /** In an object: the key whose value comes next. */
  key: string
  /** In an array: the place of the value that comes next. */
  index: number
  awaitsKey: boolean
}

const PLAIN_NUMBER = /^(-?[1-9]\d*|0|-?(0|[1-9]\d*)\.\d*[1-9])$/
const NUMBER_END = /[^0-9+\-.eE]/g

/**
 * Reads a JSON text in UTF-8, strictly. Beyond what JSON.parse checks it refuses keys that come twice, keys that reach for
 * a prototype, nesting deeper than JSON_DEPTH_MAX, more than JSON_KEYS_MAX keys, numbers beyond a double, and a byte order
 * mark (RFC 8259 forbids to send one). Numbers in an odd spelling are reported, for the caller to refuse.
 */
export function readJson(bytes: Buffer): { value: unknown; oddNumbers: OddNumber[] } {
  if (!isUtf8(bytes)) throw new Problem('invalid_json', { detail: 'The body is not UTF-8.' })
  const text = bytes.toString('utf8')
  const oddNumbers = scan(text)
  try {
    return { value: JSON.parse(text), oddNumbers }
  } catch {
    throw new Problem('invalid_json')
  }
}

/** One pass over the text for what JSON.parse does not tell. It trusts the grammar: JSON.parse is asked afterwards. */
function scan(text: string): OddNumber[] {
  const odd: OddNumber[] = []
  const frames: Frame[] = []
  let keyCount = 0
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charCodeAt(at)
    const frame = frames.at(-1)
    if (letter === 0x22) {
      const end = endOfString(text, at)
      if (frame?.keys && frame.awaitsKey) {
        keyCount += 1
        if (keyCount > JSON_KEYS_MAX) throw new Problem('json_too_many_keys')
        takeKey(frames, frame, text.slice(at, end + 1))
      }
      at = end
    } else if (letter === 0x7b || letter === 0x5b) {
      if (frames.length === JSON_DEPTH_MAX) throw new Problem('json_too_deep')
      frames.push({ keys: letter === 0x7b ? new Set() : undefined, key: '', index: 0, awaitsKey: letter === 0x7b })
    } else if (letter === 0x7d || letter === 0x5d) {
      frames.pop()
    } else if (letter === 0x2c && frame) {
      frame.awaitsKey = frame.keys !== undefined
      frame.index += 1
    } else if (letter === 0x2d || (letter >= 0x30 && letter <= 0x39)) {
      const number = numberAt(text, at)
      if (!PLAIN_NUMBER.test(number)) note(odd, frames, number)
      at += number.length - 1
    }
  }
  return odd
}

function takeKey(frames: Frame[], frame: Frame, quoted: string): void {
  const key = quoted.includes('\\') ? unescaped(quoted) : quoted.slice(1, -1)
  const reachesForPrototype = key === '__proto__' || (key === 'prototype' && frames.at(-2)?.key === 'constructor')
  if (reachesForPrototype) throw new Problem('invalid_json', { detail: 'The body has a key that is not allowed.' })
  if (frame.keys!.has(key))
    throw new Problem('duplicate_key', { errors: [{ pointer: pointerTo(frames.slice(0, -1), key), code: 'duplicate_key' }] })
  frame.keys!.add(key)
  frame.key = key
  frame.awaitsKey = false
}

/** Where the string that begins at `start` ends, or the end of the text. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end === -1 ? text.length : end
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0
  while (text.charCodeAt(quote - 1 - backslashes) === 0x5c) backslashes += 1
  return backslashes % 2 === 1
}

function unescaped(quoted: string): string {
  try {
    return JSON.parse(quoted) as string
  } catch {
    throw new Problem('invalid_json')
  }
}

function numberAt(text: string, start: number): string {
  NUMBER_END.lastIndex = start
  const end = NUMBER_END.exec(text)
  return text.slice(start, end ? end.index : text.length)
}

/** Odd only if it is a number at all; one too large for a double would be read as Infinity. */
function note(odd: OddNumber[], frames: Frame[], text: string): void {
  if (!Number.isFinite(Number(text))) throw new Problem('invalid_json')
  if (odd.length === ODD_NUMBERS_MAX) return
  const last = frames.at(-1)
  odd.push({ pointer: last ? pointerTo(frames.slice(0, -1), last.keys ? last.key : String(last.index)) : '', text })
}

function pointerTo(outer: Frame[], last: string): string {
  const steps = [...outer.map((frame) => (frame.keys ? frame.key : String(frame.index))), last]
  return steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
