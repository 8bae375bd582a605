import { expect, test } from 'vitest'
import { readAnswer } from './read-answer.ts'

test('reads what is nested as an answer is', () => {
  expect(readAnswer('{"a":[{"b":"]]]]}}}[[[["}],"c":"\\"{{{{"}')).toEqual({ output: { a: [{ b: ']]]]}}}[[[[' }], c: '"{{{{' } })
  expect(readAnswer(`${'['.repeat(32)}${']'.repeat(32)}`)).toBeDefined()
})

test('refuses what is nested deeper', () => {
  expect(readAnswer(`${'['.repeat(33)}${']'.repeat(33)}`)).toBeUndefined()
  expect(readAnswer(`${'{"a":'.repeat(33)}1${'}'.repeat(33)}`)).toBeUndefined()
})

test('names of members of every object stay the plugin`s own', () => {
  const { output } = readAnswer('{"__proto__":{"polluted":1}}')!
  expect(Object.getPrototypeOf(output)).toBe(Object.prototype)
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})
