import { expect, test } from 'vitest'
import { checkSource, digestOf } from './source-gate.ts'

const REFUSED: [source: string, words: string][] = [
  ['let a = 1n', 'BigInt'],
  ['let a = f`x` + 0xffn', 'BigInt'],
  ['let a = { 1n: 1 }', 'BigInt'],
  ['async function f() {}', 'async'],
  ['let f = async () => 1', 'async'],
  ['let f = async function* () {}', 'async'],
  ['let o = { async m() {} }', 'async'],
  ['class A { static async m() {} }', 'async'],
  ['class A { async *[Symbol.iterator]() {} }', 'async'],
  ['let f = (a = async () => 1) => a', 'async'],
  ['await f()', 'Unexpected token'],
  ['for await (const a of b) {}', 'Unexpected token'],
  ['{ await using a = b }', 'wait using'],
  ['import("fs")', 'import()'],
  ['let f = () => import(name)', 'import()'],
  ['import fs from "fs"', 'module'],
  ['export const a = 1', 'module'],
  ['let u = import.meta.url', 'import.meta'],
  ['with (a) { b }', 'with'],
  ['debugger', 'debugger'],
  ['return 1', 'return'],
  ['new.target', 'new.target'],
  ['a = 1 <!-- b', 'HTML comment'],
  ['\n--> b', 'HTML comment'],
  ['#!/usr/bin/env node', 'Unexpected character'],
  ['}); f(function () {', 'Unexpected token'],
  ['}\nfunction f() {', 'Unexpected token'],
  ['arguments = 1', 'arguments'],
  ['let a = 010', 'Invalid number'],
  ['delete a', 'strict'],
  ['%DebugPrint(1)', 'Unexpected token'],
  ['let \\u0061sync = async () => 1', 'async'],
  ['[', 'Unexpected token'],
  [`let a = ${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'nested too deeply|stack'],
  [`/${'a'.repeat(20_001)}/`, 'pattern'],
  [`//${'a'.repeat(512_000)}`, '512000 bytes'],
  [`//${'é'.repeat(256_001)}`, '512000 bytes'],
]

test.each(REFUSED.map(([source, words]) => [source.slice(0, 40), words, source]))('refuses %s', (_, words, source) => {
  expect(checkSource(source!)?.detail).toMatch(words === 'nested too deeply|stack' ? /nested too deeply|stack/ : words!)
})

const ALLOWED = [
  'definePlugin({ contracts: {} })',
  'let async = 1; async(); let o = { async: 1, await: 2, import: 3, with: 4 }',
  '"use strict"; class A { #x; static { this.y = 1 } }',
  'function* g() { yield* [1] }',
  'let text = "1n async <!-- import() with (a) {}"',
  '{ using a = b }',
  'function f() { return new.target }',
  'let a = /(?<year>\\d+)/v; let b = a?.b ?? c ** 2',
  '// a comment\n/* and <!-- another */',
  `//${'a'.repeat(511_000)}`,
]

test.each(ALLOWED.map((source) => [source.slice(0, 40), source]))('lets %s pass', (_, source) => {
  expect(checkSource(source!)).toBeUndefined()
})

test('says where, as an editor counts', () => {
  expect(checkSource('1n')).toMatchObject({ line: 1, column: 1 })
  expect(checkSource('let a\nlet b = 5n, c = 6n')).toMatchObject({ line: 2, column: 9 })
  expect(checkSource('let a = (')).toMatchObject({ line: 1, column: 10 })
})

test('a digest is the SHA-256 of the text', () => {
  expect(digestOf('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
