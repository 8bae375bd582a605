import { RE2JS } from 're2js'
import { PATTERN_CHARACTERS_MAX, PATTERN_PROGRAM_MAX, PATTERN_REPEAT_MAX } from './limits.ts'

/** `invalid_pattern`: no pattern at all; `unsafe_pattern`: one that is not run here. `detail` is for the merchant. */
export interface PatternFault {
  code: 'invalid_pattern' | 'unsafe_pattern'
  detail: string
}

export interface Pattern {
  test(text: string): boolean
}

/** What a part of a pattern does that decides whether it may be repeated. */
interface Part {
  /** May match texts of several lengths because of a quantifier. */
  varies: boolean
  /** Has alternatives that may begin alike, so that a repetition could split a text in several ways. */
  ambiguous: boolean
  /** How often counts inside counts repeat what is in them. */
  times: number
  /** The one letter that it begins with; null when it may begin with several. */
  begins: string | null
}

const CLASSES = 'dDwWsS'
const PROPERTIES = new Set(['L', 'Lu', 'Ll', 'N', 'Nd', 'P', 'S'])
const PUNCTUATION = /^[\^$\\.*+?()[\]{}|/-]$/
const PROPERTY = /^\{([A-Za-z]{1,2})\}/
const COUNT = /^\{(\d{1,4})(?:(,)(\d{0,4}))?\}/

/**
 * Why a pattern is not taken; undefined for one that is. Two lines of defence, each enough by itself: patterns run on RE2
 * (linear in the text, no backtracking), and what makes a backtracking engine explode is refused: a repetition around a
 * repetition, `^(a+)+$`, and a repetition of alternatives that begin alike, `(a|aa)+`. The second line keeps a stored rule
 * harmless wherever else it is read, and such patterns have always a simpler spelling. Lookaround, backreferences and
 * named groups are refused by name. The rest is the common ground of RE2 and ECMAScript.
 */
export function patternFault(source: string): PatternFault | undefined {
  if (source.length > PATTERN_CHARACTERS_MAX) return unsafe(`The pattern is longer than ${PATTERN_CHARACTERS_MAX} characters.`)
  if (!source.isWellFormed()) return { code: 'invalid_pattern', detail: 'The pattern holds half a character.' }
  try {
    new PatternReader(source).read()
    const size = RE2JS.compile(source).programSize()
    return size > PATTERN_PROGRAM_MAX ? unsafe('The pattern repeats too much.') : undefined
  } catch (error) {
    if (error instanceof FaultFound) return error.fault
    return { code: 'invalid_pattern', detail: 'The pattern cannot be read.' }
  }
}

/** Finds the pattern anywhere in a text, as RegExp.test does; `^` and `$` hold it to the ends. The source was checked. */
export function compilePattern(source: string): Pattern {
  return RE2JS.compile(source)
}

class FaultFound extends Error {
  readonly fault: PatternFault

  constructor(fault: PatternFault) {
    super(fault.detail)
    this.fault = fault
  }
}

function unsafe(detail: string): PatternFault {
  return { code: 'unsafe_pattern', detail }
}

/** A reader of the grammar that is taken: refusing is its only result. Nesting is bounded by the length. */
class PatternReader {
  private readonly source: string
  private at: number

  constructor(source: string) {
    this.source = source
    this.at = source.startsWith('(?i)') ? 4 : 0
  }

  read(): void {
    this.alternatives()
    if (this.at < this.source.length) this.invalid('A parenthesis is closed that was not opened.')
  }

  private alternatives(): Part {
    const parts = [this.sequence()]
    while (this.take('|')) parts.push(this.sequence())
    if (parts.length === 1) return parts[0]!
    const begins = parts.map((part) => part.begins?.toLowerCase())
    const distinct = !begins.includes(undefined) && new Set(begins).size === begins.length
    return {
      varies: parts.some((part) => part.varies),
      ambiguous: !distinct || parts.some((part) => part.ambiguous),
      times: Math.max(...parts.map((part) => part.times)),
      begins: null,
    }
  }

  private sequence(): Part {
    const whole: Part = { varies: false, ambiguous: false, times: 1, begins: null }
    let first = true
    while (this.at < this.source.length && !this.next('|') && !this.next(')')) {
      const part = this.repeated(this.atom())
      whole.varies ||= part.varies
      whole.ambiguous ||= part.ambiguous
      whole.times = Math.max(whole.times, part.times)
      if (first) whole.begins = part.begins
      first = false
    }
    return whole
  }

  private repeated(part: Part): Part {
    const count = this.quantifier()
    if (!count) return part
    if (this.quantifier()) this.unsafe('A repetition is repeated.')
    if (count.most > 1 && part.varies) this.unsafe('A repetition stands inside a repetition: write it without the inner or the outer one.')
    if (count.most > 1 && part.ambiguous) this.unsafe('Alternatives that are repeated must each begin with another letter.')
    // An open count repeats its least number of times over, and then loops.
    const times = part.times * Math.max(1, count.most === Number.POSITIVE_INFINITY ? count.least : count.most)
    if (times > PATTERN_REPEAT_MAX) this.unsafe(`Counts repeat something more than ${PATTERN_REPEAT_MAX} times.`)
    return {
      varies: part.varies || count.least !== count.most,
      ambiguous: part.ambiguous,
      times,
      begins: count.least > 0 ? part.begins : null,
    }
  }

  /** The quantifier that stands here, if one does, with its `?` for the shortest match. */
  private quantifier(): { least: number; most: number } | undefined {
    let found: { least: number; most: number } | undefined
    if (this.take('*')) found = { least: 0, most: Number.POSITIVE_INFINITY }
    else if (this.take('+')) found = { least: 1, most: Number.POSITIVE_INFINITY }
    else if (this.take('?')) found = { least: 0, most: 1 }
    else if (this.next('{')) found = this.counted()
    if (found) this.take('?')
    return found
  }

  private counted(): { least: number; most: number } {
    const match = COUNT.exec(this.source.slice(this.at))
    if (!match) this.invalid('A brace opens no count: write \\{ for a brace.')
    const least = Number(match[1])
    const most = match[2] === undefined ? least : match[3] === '' ? Number.POSITIVE_INFINITY : Number(match[3])
    if (most < least) this.invalid('A count ends below its beginning.')
    this.at += match[0].length
    return { least, most }
  }

  private atom(): Part {
    const fixed = (begins: string | null): Part => ({ varies: false, ambiguous: false, times: 1, begins })
    if (this.take('(')) return this.group()
    if (this.take('[')) return this.characterClass()
    if (this.take('\\')) return fixed(this.escape())
    if (this.take('.') || this.take('^') || this.take('$')) return fixed(null)
    const letter = String.fromCodePoint(this.source.codePointAt(this.at)!)
    if ('*+?'.includes(letter)) this.invalid('A repetition has nothing to repeat.')
    if (']{}'.includes(letter)) this.invalid(`Write \\${letter} for the character itself.`)
    this.at += letter.length
    return fixed(letter)
  }

  private group(): Part {
    if (this.next('?') && !this.take('?:'))
      this.unsafe('Lookahead, lookbehind, named groups and flags are not taken; (?i) may stand at the very beginning.')
    const inner = this.alternatives()
    if (!this.take(')')) this.invalid('A parenthesis is not closed.')
    return inner
  }

  private characterClass(): Part {
    this.take('^')
    let members = 0
    while (!this.next(']')) {
      if (this.at >= this.source.length) this.invalid('A bracket is not closed.')
      if (this.next('[')) this.invalid('Write \\[ for a bracket in brackets.')
      if (this.take('\\')) this.escape()
      else this.at += String.fromCodePoint(this.source.codePointAt(this.at)!).length
      members++
    }
    this.at++
    if (members === 0) this.invalid('Brackets are empty.')
    return { varies: false, ambiguous: false, times: 1, begins: null }
  }

  /** What an escape stands for, when it is one letter. */
  private escape(): string | null {
    const letter = this.source[this.at]
    if (letter === undefined) this.invalid('A backslash stands at the end.')
    this.at++
    if (/[1-9k]/.test(letter)) this.unsafe('References to earlier groups are not taken.')
    if (CLASSES.includes(letter)) return null
    if (letter === 'p' || letter === 'P') return this.property()
    if (!PUNCTUATION.test(letter)) this.invalid(`\\${letter} is not known.`)
    return letter
  }

  private property(): null {
    const match = PROPERTY.exec(this.source.slice(this.at))
    if (!match || !PROPERTIES.has(match[1]!)) this.invalid(`\\p takes one of ${[...PROPERTIES].join(', ')} in braces.`)
    this.at += match[0].length
    return null
  }

  private next(text: string): boolean {
    return this.source.startsWith(text, this.at)
  }

  private take(text: string): boolean {
    if (!this.next(text)) return false
    this.at += text.length
    return true
  }

  private unsafe(detail: string): never {
    throw new FaultFound(unsafe(detail))
  }

  private invalid(detail: string): never {
    throw new FaultFound({ code: 'invalid_pattern', detail })
  }
}
