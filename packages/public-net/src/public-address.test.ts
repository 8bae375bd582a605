import { describe, expect, it } from 'vitest'
import { isPublicAddress, publicLookup } from './public-address.ts'
import { receiverUrlFault } from './receiver-url.ts'

describe('isPublicAddress', () => {
  it.each([
    ['127.0.0.1', 4],
    ['10.1.2.3', 4],
    ['100.64.0.1', 4],
    ['169.254.169.254', 4],
    ['172.31.255.255', 4],
    ['192.168.1.1', 4],
    ['0.0.0.0', 4],
    ['255.255.255.255', 4],
    ['::1', 6],
    ['::', 6],
    ['::ffff:169.254.169.254', 6],
    ['::127.0.0.1', 6],
    ['64:ff9b::7f00:1', 6],
    ['2002:7f00:1::', 6],
    ['fd00::1', 6],
    ['fe80::1', 6],
  ])('%s is not', (address, family) => {
    expect(isPublicAddress(address, family)).toBe(false)
  })

  it.each([
    ['8.8.8.8', 4],
    ['93.184.216.34', 4],
    ['2606:4700:4700::1111', 6],
  ])('%s is', (address, family) => {
    expect(isPublicAddress(address, family)).toBe(true)
  })
})

describe('publicLookup', () => {
  it('refuses a name that leads to this machine', async () => {
    const error = await new Promise((done) => publicLookup('localhost', { all: true }, done))
    expect(error).toMatchObject({ code: 'ENOTPUBLIC' })
  })
})

describe('a receiver', () => {
  it.each([
    'https://127.1/',
    'https://0x7f.1/',
    'https://2130706433/',
    'https://017700000001/',
    'https://①②⑦.⓪.⓪.①/',
    'https://0/',
    'https://10.0.0.8/hook',
    'https://100.64.0.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://[::ffff:169.254.169.254]/',
    'https://[::]/',
    'https://[::1]/',
    'https://[fc00::1]/',
    'https://[fe80::1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[::127.0.0.1]/',
    'https://localhost/',
    'https://localhost./',
    'https://shop.localhost/',
    'https://metadata.google.internal/',
    'https://intranet/',
    'https://printer.local/',
    'http://hooks.shop.com/',
    'ftp://hooks.shop.com/',
    'file:///etc/passwd',
    'gopher://hooks.shop.com/',
    'https://user:password@hooks.shop.com/',
    'https://user@hooks.shop.com/',
    'https://hooks.shop.com:22/',
    'https://hooks.shop.com:5432/',
    'https://api.souk.shop/v1/carts',
    'https://API.SOUK.SHOP./v1/carts',
    'hooks.shop.com',
    '',
  ])('is not at %s', (url) => {
    expect(receiverUrlFault(url, (host) => host.endsWith('.souk.shop'))).toEqual(expect.any(String))
  })

  it.each([
    'https://hooks.shop.com/',
    'https://hooks.shop.com:443/a?b=c',
    'https://hooks.shop.com:8443/',
    'https://8.8.8.8/',
    'https://[2606:4700:4700::1111]/',
  ])('may be at %s', (url) => {
    expect(receiverUrlFault(url)).toBeUndefined()
  })
})
