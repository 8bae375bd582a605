import { expect, test } from 'vitest'
import { AWAY_MS, MailCircuit, MailServerSilent } from './mail-circuit.ts'

function openCircuit() {
  const state = { now: 0, asked: 0 }
  const circuit = new MailCircuit(() => state.now)
  const send = (outcome: () => Promise<unknown>) =>
    circuit
      .through(async () => {
        state.asked += 1
        return outcome()
      })
      .then(
        () => 'sent',
        (error) => (error as Error).constructor.name,
      )
  return { state, send }
}

const silent = async () => {
  throw new MailServerSilent('nobody is there')
}
const refused = async () => {
  throw new Error('no')
}
const taken = async () => {}

test('a server that does not answer is asked by three mails, then by one each fifteen seconds, until it answers', async () => {
  const { state, send } = openCircuit()
  for (let n = 0; n < 10; n++) expect(await send(silent)).toBe('MailServerSilent')
  expect(state.asked).toBe(3)
  state.now = AWAY_MS
  for (let n = 0; n < 10; n++) await send(silent)
  expect(state.asked).toBe(4)
  state.now += AWAY_MS
  expect([await send(taken), await send(taken), state.asked]).toEqual(['sent', 'sent', 6])
})

test('while one mail looks whether it is back the others do not wait for it', async () => {
  const { state, send } = openCircuit()
  for (let n = 0; n < 3; n++) await send(silent)
  state.now = AWAY_MS
  const { promise, resolve } = Promise.withResolvers<void>()
  const trying = send(() => promise)
  state.now = 10 * AWAY_MS
  expect([await send(taken), state.asked]).toEqual(['MailServerSilent', 4])
  resolve()
  expect([await trying, await send(taken)]).toEqual(['sent', 'sent'])
})

test('a server that says no, to however many, answers', async () => {
  const { state, send } = openCircuit()
  for (let n = 0; n < 10; n++) await send(refused)
  for (let n = 0; n < 2; n++) await send(silent)
  await send(refused)
  for (let n = 0; n < 2; n++) await send(silent)
  expect(await send(taken)).toBe('sent')
  expect(state.asked).toBe(16)
})
