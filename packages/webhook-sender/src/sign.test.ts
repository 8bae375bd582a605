import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { expect, it } from 'vitest'
import { signatureHeaders } from './sign.ts'

const secret = () => `whsec_${randomBytes(32).toString('base64')}`
const seconds = () => Math.floor(Date.now() / 1_000)

it('signs the vector of the specification', () => {
  const headers = signatureHeaders({
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestamp: 1614265330,
    body: '{"test": 2432232314}',
    secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  })
  expect(headers).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
})

it('is verified by the library that others wrote, with each of two secrets', () => {
  const secrets = [secret(), secret()]
  const body = JSON.stringify({ type: 'order.placed', data: { text: 'Grüße, 世界' } })
  const headers = signatureHeaders({ id: 'one', timestamp: seconds(), body, secrets })
  for (const known of secrets) expect(new Webhook(known).verify(body, headers)).toEqual(JSON.parse(body))
})

it('is not verified for another body, id, time or secret', () => {
  const known = secret()
  const message = { id: 'one', timestamp: seconds(), body: '{}', secrets: [known] }
  const headers = signatureHeaders(message)
  expect(() => new Webhook(known).verify('{ }', headers)).toThrow()
  expect(() => new Webhook(known).verify('{}', { ...headers, 'webhook-id': 'two' })).toThrow()
  expect(() => new Webhook(secret()).verify('{}', headers)).toThrow()
  const old = signatureHeaders({ ...message, timestamp: seconds() - 600 })
  expect(() => new Webhook(known).verify('{}', old)).toThrow()
})
