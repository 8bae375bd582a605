import { expect, test } from 'vitest'
import { type Answer, patient } from './http-client.ts'

/** A client that gets these answers, one after the other. */
function answering(...answers: Answer[]) {
  let calls = 0
  const client = patient(async () => answers[calls++]!, new AbortController().signal)
  return { client: () => client({ method: 'GET', path: '/' }), calls: () => calls }
}

const busy = (slug: string): Answer => ({ status: 503, body: { type: `https://souk.dev/problems/${slug}` } })
const done: Answer = { status: 200, body: {} }

test('who is told that the platform is busy asks again', async () => {
  const { client, calls } = answering(busy('cell-busy'), busy('plugins-busy'), done)
  expect(await client()).toEqual(done)
  expect(calls()).toBe(3)
})

test.each(['commit-unknown', 'handler-timeout'])('what may have been done is not asked for again: %s', async (slug) => {
  const { client, calls } = answering(busy(slug), done)
  expect(await client()).toEqual(busy(slug))
  expect(calls()).toBe(1)
})
