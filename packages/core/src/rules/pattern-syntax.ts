/** `invalid_pattern`: no pattern at all; `unsafe_pattern`: one that is not run here. `detail` is for the merchant. */
export interface PatternFault {
  code: 'invalid_pattern' | 'unsafe_pattern'
  detail: string
}

export class FaultFound extends Error {
  readonly fault: PatternFault

  constructor(fault: PatternFault) {
    super(fault.detail)
    this.fault = fault
  }
}

export type PatternNode =
  | { kind: 'letter'; letter: string }
  /** One of several characters: `.`, a class, brackets. */
  | { kind: 'wide' }
  | { kind: 'beginning' }
  | { kind: 'end' }
  | { kind: 'repeat'; node: PatternNode; least: number; most: number }
  | { kind: 'sequence'; parts: PatternNode[] }
  | { kind: 'alternatives'; parts: PatternNode[] }

const CLASSES = 'dDwWsS'
const PROPERTIES = new Set(['L', 'Lu', 'Ll', 'N', 'Nd', 'P', 'S'])
const PUNCTUATION = /^[\^$\\.*+?()[\]{}|/-]$/
const PROPERTY = /^\{([A-Za-z]{1,2})\}/
const COUNT = /^\{(\d{1,4})(?:(,)(\d{0,4}))?\}/

/**
 * The parts of a pattern, of the grammar that RE2 and ECMAScript have in common. Throws FaultFound for what is no pattern, and
 * by name for lookaround, backreferences, named groups and flags. Nesting is bounded by the length, which was checked.
 */
export function readPattern(source: string): PatternNode {
  return new PatternReader(source).read()
}

class PatternReader {
  private readonly source: string
  private at: number

  constructor(source: string) {
    this.source = source
    this.at = source.startsWith('(?i)') ? 4 : 0
  }

  read(): PatternNode {
    const node = this.alternatives()
    if (this.at < this.source.length) this.invalid('A parenthesis is closed that was not opened.')
    return node
  }

  private alternatives(): PatternNode {
    const parts = [this.sequence()]
    while (this.take('|')) parts.push(this.sequence())
    return parts.length === 1 ? parts[0]! : { kind: 'alternatives', parts }
  }

  private sequence(): PatternNode {
    const parts: PatternNode[] = []
    while (this.at < this.source.length && !this.next('|') && !this.next(')')) parts.push(this.repeated(this.atom()))
    return { kind: 'sequence', parts }
  }

  private repeated(node: PatternNode): PatternNode {
    const count = this.quantifier()
    if (!count) return node
    if (this.quantifier()) this.unsafe('A repetition is repeated.')
    return { kind: 'repeat', node, ...count }
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

  private atom(): PatternNode {
    if (this.take('(')) return this.group()
    if (this.take('[')) return this.characterClass()
    if (this.take('\\')) return this.escape()
    if (this.take('.')) return { kind: 'wide' }
    if (this.take('^')) return { kind: 'beginning' }
    if (this.take('$')) return { kind: 'end' }
    const letter = String.fromCodePoint(this.source.codePointAt(this.at)!)
    if ('*+?'.includes(letter)) this.invalid('A repetition has nothing to repeat.')
    if (']{}'.includes(letter)) this.invalid(`Write \\${letter} for the character itself.`)
    this.at += letter.length
    return { kind: 'letter', letter }
  }

  private group(): PatternNode {
    if (this.next('?') && !this.take('?:'))
      this.unsafe('Lookahead, lookbehind, named groups and flags are not taken; (?i) may stand at the very beginning.')
    const inner = this.alternatives()
    if (!this.take(')')) this.invalid('A parenthesis is not closed.')
    return inner
  }

  private characterClass(): PatternNode {
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
    return { kind: 'wide' }
  }

  private escape(): PatternNode {
    const letter = this.source[this.at]
    if (letter === undefined) this.invalid('A backslash stands at the end.')
    this.at++
    if (/[1-9k]/.test(letter)) this.unsafe('References to earlier groups are not taken.')
    if (CLASSES.includes(letter)) return { kind: 'wide' }
    if (letter === 'p' || letter === 'P') return this.property()
    if (!PUNCTUATION.test(letter)) this.invalid(`\\${letter} is not known.`)
    return { kind: 'letter', letter }
  }

  private property(): PatternNode {
    const match = PROPERTY.exec(this.source.slice(this.at))
    if (!match || !PROPERTIES.has(match[1]!)) this.invalid(`\\p takes one of ${[...PROPERTIES].join(', ')} in braces.`)
    this.at += match[0].length
    return { kind: 'wide' }
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
    throw new FaultFound({ code: 'unsafe_pattern', detail })
  }

  private invalid(detail: string): never {
    throw new FaultFound({ code: 'invalid_pattern', detail })
  }
}
