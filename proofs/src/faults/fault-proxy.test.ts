import { connect, createServer, type Server } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Fault, FaultProxy } from './fault-proxy.ts'
import { Seeded } from './seeded.ts'

let server: Server
let proxy: FaultProxy
let heard: string[]

/** Answers every question with itself in capitals, and remembers it. */
beforeEach(async () => {
  heard = []
  server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (piece) => {
      heard.push(piece.toString())
      socket.write(piece.toString().toUpperCase())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  proxy = await FaultProxy.before({ port: (server.address() as { port: number }).port })
})

afterEach(async () => {
  await proxy.close()
  await new Promise((resolve) => server.close(resolve))
})

/** Asks and answers what came back until the connection ended, or enough had come. */
async function ask(question: string, enough = question.length): Promise<{ answer: string; ended: 'enough' | 'lost' }> {
  return new Promise((resolve) => {
    const socket = connect(proxy.port, '127.0.0.1', () => socket.write(question))
    let answer = ''
    const done = (ended: 'enough' | 'lost') => {
      socket.destroy()
      resolve({ answer, ended })
    }
    socket.on('data', (piece) => {
      answer += piece.toString()
      if (answer.length >= enough) done('enough')
    })
    socket.on('error', () => done('lost'))
    socket.on('close', () => done('lost'))
  })
}

test('passes everything on until it is told otherwise', async () => {
  expect(await ask('hello')).toEqual({ answer: 'HELLO', ended: 'enough' })
})

test('delays and slices without losing a byte', async () => {
  for (const fault of [
    { kind: 'delay', ms: 20 },
    { kind: 'slice', bytes: 3 },
  ] satisfies Fault[]) {
    proxy.set(fault)
    expect(await ask('a longer question')).toEqual({ answer: 'A LONGER QUESTION', ended: 'enough' })
  }
})

test('loses the one answer it was told to, and the question was heard', async () => {
  proxy.set({ kind: 'lose_answer', to: Buffer.from('commit') })
  expect(await ask('begin')).toEqual({ answer: 'BEGIN', ended: 'enough' })
  expect(await ask('commit')).toEqual({ answer: '', ended: 'lost' })
  await expect.poll(() => heard).toContain('commit')
  expect(await ask('commit')).toEqual({ answer: 'COMMIT', ended: 'enough' })
  expect(proxy.struck).toBe(1)
})

test('cuts answers after so many bytes', async () => {
  proxy.set({ kind: 'cut_answers', afterBytes: 4 })
  expect(await ask('abc')).toEqual({ answer: 'ABC', ended: 'enough' })
  expect(await ask('abcdef')).toEqual({ answer: '', ended: 'lost' })
})

test('resets, and lets through again', async () => {
  proxy.set({ kind: 'reset' })
  expect(await ask('hello')).toMatchObject({ ended: 'lost' })
  proxy.set({ kind: 'none' })
  expect(await ask('hello')).toMatchObject({ ended: 'enough' })
})

test('swallows everything', async () => {
  proxy.set({ kind: 'blackhole' })
  const answer = ask('hello')
  expect(await Promise.race([answer, pause(100).then(() => 'nothing')])).toBe('nothing')
  proxy.set({ kind: 'reset' })
  expect(await answer).toMatchObject({ ended: 'lost' })
  expect(heard).toEqual([])
})

test('what is random is the same for the same seed', () => {
  const draw = (seed: number) => {
    const seeded = new Seeded(seed)
    return Array.from({ length: 5 }, () => seeded.between(1, 1_000))
  }
  expect(draw(7)).toEqual(draw(7))
  expect(draw(7)).not.toEqual(draw(8))
})
