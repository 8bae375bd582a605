import { describe, expect, test } from 'vitest'
import { buildProviders } from './providers.ts'
import { providerSettings } from './settings.ts'

const read = (value: unknown) => providerSettings.safeParse(value === undefined ? undefined : JSON.stringify(value))

test('without settings there is Stripe, at its own address', () => {
  const { providers, statements } = buildProviders(read(undefined).data!)
  expect([...providers.keys()]).toEqual(['stripe'])
  expect(providers.get('stripe')!.apiBases).toEqual(['https://api.stripe.com'])
  expect([...statements.keys()]).toEqual(['stripe'])
})

test('the sandbox is there when it is named', () => {
  const { providers } = buildProviders(read({ sandbox: { api_bases: ['http://127.0.0.1:4711', 'http://localhost:4712'] } }).data!)
  expect([...providers.keys()]).toEqual(['sandbox'])
})

describe('an address', () => {
  test.each([
    'http://api.stripe.com',
    'http://10.0.0.1:8080',
    'http://127.0.0.1.example.com',
    'http://user:secret@127.0.0.1:80',
    'https://api.stripe.com/v1',
    'https://api.stripe.com/',
    'https://api.stripe.com?x=1',
    'ftp://127.0.0.1',
    'file:///etc/passwd',
    'api.stripe.com',
    '',
  ])('%j is refused', (address) => {
    expect(read({ stripe: { api_bases: [address] } }).success).toBe(false)
  })

  test.each(['https://api.stripe.com', 'https://psp.example:8443', 'http://127.0.0.1:4711', 'http://[::1]:4711', 'http://localhost:1'])(
    '%s is taken',
    (address) => {
      expect(read({ stripe: { api_bases: [address] } }).success).toBe(true)
    },
  )
})

test.each([[{ paypal: {} }], [{ sandbox: {} }], [{ stripe: { api_bases: [] } }], [[]]])('%j is refused', (settings) => {
  expect(read(settings).success).toBe(false)
})

test('what is no JSON is refused without being repeated', () => {
  const { error } = providerSettings.safeParse('{"stripe": secret')
  expect(error!.issues.map(({ message }) => message)).toEqual(['must be JSON'])
})
