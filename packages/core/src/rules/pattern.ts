import { RE2JS } from 're2js'
import { PATTERN_CHARACTERS_MAX, PATTERN_CHOICES_MAX, PATTERN_PROGRAM_MAX, PATTERN_REPEAT_MAX } from './limits.ts'
import { FaultFound, type PatternFault, type PatternNode, readPattern } from './pattern-syntax.ts'

export interface Pattern {
  test(text: string): boolean
}

/** How far a match may have got along the text before it counts as being anywhere. */
const SLACK_MAX = 3

/**
 * Why a pattern is not taken; undefined for one that is.
 *
 * Patterns run on RE2, in time linear in the text and without backtracking. Two kinds are refused besides. What makes a
 * backtracking engine explode: a repetition around a repetition, `^(a+)+$`, and a repetition of alternatives that begin
 * alike, `(a|aa)+`; so a stored rule is harmless wherever else it is read. And what makes an automaton large, which RE2 then
 * builds anew for every text (measured: 2 ms for 255 characters): many choices after a part of any length, `x.*[ab]{50}`.
 */
export function patternFault(source: string): PatternFault | undefined {
  if (source.length > PATTERN_CHARACTERS_MAX) return unsafe(`The pattern is longer than ${PATTERN_CHARACTERS_MAX} characters.`)
  if (!source.isWellFormed()) return { code: 'invalid_pattern', detail: 'The pattern holds half a character.' }
  try {
    const danger = dangerOf(readPattern(source))
    if (danger) return unsafe(danger)
    return RE2JS.compile(source).programSize() > PATTERN_PROGRAM_MAX ? unsafe('The pattern repeats too much.') : undefined
  } catch (error) {
    if (error instanceof FaultFound) return error.fault
    return { code: 'invalid_pattern', detail: 'The pattern cannot be read.' }
  }
}

/** Finds the pattern anywhere in a text, as RegExp.test does; `^` and `$` hold it to the ends. The source was checked. */
export function compilePattern(source: string): Pattern {
  return RE2JS.compile(source)
}

function unsafe(detail: string): PatternFault {
  return { code: 'unsafe_pattern', detail }
}

function dangerOf(node: PatternNode): string | undefined {
  const repetition = repetitionDanger(node)
  if (repetition) return repetition
  if (timesOf(node) > PATTERN_REPEAT_MAX) return `Counts repeat something more than ${PATTERN_REPEAT_MAX} times.`
  const tops = node.kind === 'alternatives' ? node.parts : [node]
  const choices = tops.reduce((sum, top) => sum + (isAnchored(top) ? lateChoices(top) : choicesOf(top)), 0)
  return choices > PATTERN_CHOICES_MAX
    ? `More than ${PATTERN_CHOICES_MAX} open places follow where the match may be anywhere: begin with ^, or write fewer.`
    : undefined
}

function repetitionDanger(node: PatternNode): string | undefined {
  if (node.kind === 'repeat') {
    if (node.most > 1 && varies(node.node)) return 'A repetition stands inside a repetition: write it without the inner or the outer one.'
    if (node.most > 1 && isAmbiguous(node.node)) return 'Alternatives that are repeated must each begin with another letter.'
  }
  return partsOf(node)
    .map(repetitionDanger)
    .find((danger) => danger !== undefined)
}

/** May match texts of several lengths because of a repetition. */
function varies(node: PatternNode): boolean {
  return (node.kind === 'repeat' && node.least !== node.most) || partsOf(node).some(varies)
}

/** Has alternatives that may begin alike, so that a repetition could split a text in several ways. */
function isAmbiguous(node: PatternNode): boolean {
  if (node.kind === 'alternatives') {
    const begins = node.parts.map((part) => beginningOf(part)?.toLowerCase())
    if (begins.includes(undefined) || new Set(begins).size < begins.length) return true
  }
  return partsOf(node).some(isAmbiguous)
}

/** The one letter that a part begins with; undefined when there are several. */
function beginningOf(node: PatternNode): string | undefined {
  if (node.kind === 'letter') return node.letter
  if (node.kind === 'repeat') return node.least > 0 ? beginningOf(node.node) : undefined
  return node.kind === 'sequence' && node.parts.length > 0 ? beginningOf(node.parts[0]!) : undefined
}

/** How often counts inside counts repeat what is in them. */
function timesOf(node: PatternNode): number {
  const inner = Math.max(1, ...partsOf(node).map(timesOf))
  return node.kind === 'repeat' ? inner * written(node) : inner
}

/** Places where more than one thing may stand, each as often as it is repeated. */
function choicesOf(node: PatternNode): number {
  const inner = partsOf(node).reduce((sum, part) => sum + choicesOf(part), 0)
  if (node.kind === 'repeat') return inner * written(node) + (node.least === node.most ? 0 : 1)
  return inner + (node.kind === 'wide' || node.kind === 'alternatives' ? 1 : 0)
}

/** Those from where on the match may stand at many places of the text at once. */
function lateChoices(node: PatternNode): number {
  if (node.kind !== 'sequence') return slackOf(node) > SLACK_MAX ? choicesOf(node) : 0
  let slack = 0
  let choices = 0
  for (const part of node.parts) {
    slack += slackOf(part)
    if (slack > SLACK_MAX) choices += choicesOf(part)
  }
  return choices
}

/** How many more lengths than one the texts that a part matches may have, about. */
function slackOf(node: PatternNode): number {
  const inner = partsOf(node).map(slackOf)
  if (node.kind === 'alternatives') return Math.max(...inner) + new Set(node.parts.map(leastLength)).size - 1
  const sum = inner.reduce((total, slack) => total + slack, 0)
  return node.kind === 'repeat' ? sum * written(node) + (node.most - node.least) : sum
}

function leastLength(node: PatternNode): number {
  if (node.kind === 'letter' || node.kind === 'wide') return 1
  const lengths = partsOf(node).map(leastLength)
  if (node.kind === 'alternatives') return Math.min(...lengths)
  const sum = lengths.reduce((total, length) => total + length, 0)
  return node.kind === 'repeat' ? sum * node.least : sum
}

/** How often a repetition is written out in the compiled pattern; an open one loops after its least number of times. */
function written({ least, most }: { least: number; most: number }): number {
  return Math.max(1, most === Number.POSITIVE_INFINITY ? least : most)
}

function isAnchored(node: PatternNode): boolean {
  return node.kind === 'beginning' || (node.kind === 'sequence' && node.parts[0]?.kind === 'beginning')
}

function partsOf(node: PatternNode): readonly PatternNode[] {
  if (node.kind === 'repeat') return [node.node]
  return node.kind === 'sequence' || node.kind === 'alternatives' ? node.parts : []
}
