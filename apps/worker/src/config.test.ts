import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readConfig } from './config.ts'

const folder = mkdtempSync(join(tmpdir(), 'souk-keys-'))
const keysFile = join(folder, 'keys.json')
writeFileSync(keysFile, JSON.stringify({ jwt: [], tokens: [{ kid: 'k1', secret: Buffer.alloc(32, 7).toString('base64') }] }))
afterAll(() => rmSync(folder, { recursive: true }))

const complete = {
  SOUK_KEYS_FILE: keysFile,
  SOUK_DIRECTORY_URL: 'postgres://souk_app:p@127.0.0.1:5432/souk',
  SOUK_CELLS: JSON.stringify({
    'shared-1': {
      app: 'postgres://souk_app:p@127.0.0.1/souk',
      queue: 'postgres://souk_queue:p@127.0.0.1/souk',
      platform: 'postgres://souk_platform:p@127.0.0.1/souk',
    },
  }),
}

test('reads the cells, and leaves the internal port off unless it is given', () => {
  const config = readConfig(complete)
  expect(config.cells).toEqual({
    'shared-1': {
      app: 'postgres://souk_app:p@127.0.0.1/souk',
      queue: 'postgres://souk_queue:p@127.0.0.1/souk',
      platform: 'postgres://souk_platform:p@127.0.0.1/souk',
    },
  })
  expect(config).toMatchObject({ internalPort: undefined, jobsAtOnce: 4, logLevel: 'info', baseDomain: 'localhost' })
  expect(readConfig({ ...complete, WORKER_INTERNAL_PORT: '9102' }).internalPort).toBe(9102)
})

test('reads the cells from a file as it is now, before those of the environment', () => {
  const file = join(folder, 'cells.json')
  const address = { app: 'postgres://souk_app:p@h/d', queue: 'postgres://souk_queue:p@h/d' }
  writeFileSync(file, JSON.stringify({ one: address }))
  const config = readConfig({ ...complete, SOUK_CELLS_FILE: file, WORKER_CELLS: 'one, two' })
  expect(config.cells).toEqual({ one: address })
  expect(config.worksFor).toEqual(['one', 'two'])
  writeFileSync(file, JSON.stringify({ one: address, two: { ...address, mover: 'postgres://souk_mover:p@h/d' } }))
  expect(config.readCells()).toEqual({ one: address, two: { ...address, mover: 'postgres://souk_mover:p@h/d' } })
  writeFileSync(file, '{')
  expect(config.readCells).toThrow('must be JSON')
  expect(readConfig(complete).worksFor).toBeUndefined()
})

test('names every wrong setting, and tells no value', () => {
  const wrong = {
    SOUK_KEYS_FILE: keysFile,
    SOUK_CELLS: '{"shared-1": {"app": "secret", "queue": "postgres://souk_queue:p@h/d"}}',
    LOG_LEVEL: 'loud',
  }
  expect(() => readConfig(wrong)).toThrow(/SOUK_DIRECTORY_URL.*\n.*SOUK_CELLS\.shared-1\.app.*\n.*LOG_LEVEL/)
  expect(() => readConfig(wrong)).not.toThrow(/secret|loud/)
  expect(() => readConfig({ ...complete, SOUK_CELLS: '{' })).toThrow('SOUK_CELLS: must be JSON')
})

test('who makes archives knows where media are: an archive without them would not say that they are missing', () => {
  expect(() => readConfig({ ...complete, SOUK_ARCHIVE_DIR: '/archives' })).toThrow('SOUK_MEDIA_DIR: must be set')
  expect(readConfig({ ...complete, SOUK_ARCHIVE_DIR: '/archives', SOUK_MEDIA_DIR: '/media' })).toMatchObject({ mediaDir: '/media' })
})

test('reads how mails leave, and from whom', () => {
  expect(readConfig(complete).mail).toEqual({
    smtpUrl: undefined,
    folder: undefined,
    from: 'no-reply@localhost',
    storefrontUrl: 'https://{slug}.localhost',
  })
  const given = { SOUK_SMTP_URL: 'smtps://u:p@mail.example:465', SOUK_MAIL_FROM: 'shop@mail.example', SOUK_MAIL_DIR: '/tmp/mails' }
  expect(readConfig({ ...complete, ...given }).mail).toMatchObject({
    smtpUrl: given.SOUK_SMTP_URL,
    from: given.SOUK_MAIL_FROM,
    folder: '/tmp/mails',
  })
  expect(() => readConfig({ ...complete, SOUK_SMTP_URL: 'https://secret.example' })).toThrow(/SOUK_SMTP_URL(?!.*secret)/)
  expect(() => readConfig({ ...complete, SOUK_MAIL_FROM: 'Shop <a@b>' })).toThrow('SOUK_MAIL_FROM')
  expect(() => readConfig({ ...complete, SOUK_STOREFRONT_URL: 'https://shop.example' })).toThrow('SOUK_STOREFRONT_URL')
})

test('reads the keys that open secrets, and where carriers are', () => {
  const config = readConfig({ ...complete, SOUK_CARRIER_HOSTS: '{"api.carrier.example":"http://127.0.0.1:4999"}' })
  expect(config.tokenKeys).toEqual([{ kid: 'k1', secret: Buffer.alloc(32, 7) }])
  expect(config.redirectedHosts).toEqual({ 'api.carrier.example': 'http://127.0.0.1:4999' })
  expect(() => readConfig({ ...complete, SOUK_CARRIER_HOSTS: '{"a":"file:///etc"}' })).toThrow('SOUK_CARRIER_HOSTS')
})
