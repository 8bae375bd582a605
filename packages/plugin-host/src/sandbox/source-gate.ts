import { createHash } from 'node:crypto'
import { type Comment, getLineInfo, type Node, parse } from 'acorn'
import { BUNDLE_BYTES_MAX } from './limits.ts'

export interface SourceFault {
  /** What is refused, in words for the plugin's author. */
  detail: string
  /** From 1, of the bundle; 0 where no place can be named. */
  line: number
  column: number
}

const STRICT = '"use strict";'
const PATTERN_CHARACTERS_MAX = 20_000

// Contracts are synchronous and pure: nothing in a bundle has anything to wait for. What these make could also not be interrupted
// (arithmetic on millions of digits), or would run when the call is over (a rejected promise).
const REFUSALS: Record<string, (node: never) => string | undefined> = {
  Literal: (node: { bigint?: string | null; regex?: { pattern: string } }) => {
    if (node.bigint !== undefined && node.bigint !== null) return 'a BigInt literal'
    return (node.regex?.pattern.length ?? 0) > PATTERN_CHARACTERS_MAX ? 'a pattern that is too long' : undefined
  },
  FunctionDeclaration: asynchronous,
  FunctionExpression: asynchronous,
  ArrowFunctionExpression: asynchronous,
  AwaitExpression: () => 'await',
  ForOfStatement: (node: { await: boolean }) => (node.await ? 'for await' : undefined),
  VariableDeclaration: (node: { kind: string }) => (node.kind === 'await using' ? 'await using' : undefined),
  ImportExpression: () => 'import()',
  ImportDeclaration: () => 'import',
  MetaProperty: (node: { meta: { name: string } }) => (node.meta.name === 'import' ? 'import.meta' : undefined),
  WithStatement: () => 'with',
  DebuggerStatement: () => 'debugger',
}

/**
 * Reads a bundle the way the engine will, as the strict body of a function, and answers the first thing a plugin may not contain.
 * Not the border of the sandbox, but it keeps out what the sandbox could only answer by killing a process.
 */
export function checkSource(source: string): SourceFault | undefined {
  if (Buffer.byteLength(source) > BUNDLE_BYTES_MAX) return { detail: `the bundle is over ${BUNDLE_BYTES_MAX} bytes`, line: 0, column: 0 }
  const comments: Comment[] = []
  try {
    const program = parse(STRICT + source, { ecmaVersion: 'latest', sourceType: 'script', onComment: comments })
    return firstHtmlComment(source, comments) ?? firstRefused(source, program)
  } catch (error) {
    return unreadable(error)
  }
}

/** The name of a bundle: what it is made of, and nothing else. */
export function digestOf(source: string): string {
  return createHash('sha256').update(source).digest('hex')
}

function firstRefused(source: string, program: Node): SourceFault | undefined {
  let first: Node | undefined
  for (const node of everyNode(program)) {
    if (REFUSALS[node.type]?.(node as never) !== undefined && (first === undefined || node.start < first.start)) first = node
  }
  return first && { detail: `a plugin may not contain ${REFUSALS[first.type]!(first as never)}`, ...placeAt(source, first.start) }
}

/** All of them, the names of properties too, which acorn-walk passes over: a BigInt may be one. */
function* everyNode(program: Node): Iterable<Node> {
  const waiting: object[] = [program]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (isNode(next)) yield next
    for (const key in next) {
      const part = (next as Record<string, unknown>)[key]
      if (typeof part === 'object' && part !== null) waiting.push(part)
    }
  }
}

function isNode(part: object): part is Node {
  return typeof (part as Node).type === 'string' && typeof (part as Node).start === 'number'
}

function asynchronous(node: { async?: boolean }): string | undefined {
  return node.async ? 'an async function' : undefined
}

/** `<!--` begins a comment in a script. Two parsers may disagree about such things; nobody needs them. */
function firstHtmlComment(source: string, comments: Comment[]): SourceFault | undefined {
  const found = comments.find(({ start }) => !source.startsWith('/', start - STRICT.length))
  return found && { detail: 'a plugin may not contain an HTML comment', ...placeAt(source, found.start) }
}

function unreadable(error: unknown): SourceFault {
  if (error instanceof SyntaxError && 'loc' in error) {
    const words = error.message.replace(/ \(\d+:\d+\)$/, '')
    return { detail: `it cannot be read: ${words}`, ...placeOf(error.loc as { line: number; column: number }) }
  }
  return { detail: 'it is nested too deeply to be read', line: 0, column: 0 }
}

function placeAt(source: string, offset: number): { line: number; column: number } {
  return placeOf(getLineInfo(STRICT + source, offset))
}

function placeOf({ line, column }: { line: number; column: number }): { line: number; column: number } {
  return { line, column: (line === 1 ? column - STRICT.length : column) + 1 }
}
