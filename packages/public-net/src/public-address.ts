import { lookup as resolve } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

// Addresses that are nobody's on the internet: this machine, its networks, and the tunnels that lead back to them.
// Two lists: in one, the range of mapped addresses would hold every IPv4 address too.
const NOT_PUBLIC_4 = new BlockList()
const NOT_PUBLIC_6 = new BlockList()
const RANGES_4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const
const RANGES_6 = [
  ['::', 96],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const
for (const [network, bits] of RANGES_4) NOT_PUBLIC_4.addSubnet(network, bits, 'ipv4')
for (const [network, bits] of RANGES_6) NOT_PUBLIC_6.addSubnet(network, bits, 'ipv6')

/** The code of the error that `publicLookup` gives for a name that leads inside. */
export const NOT_PUBLIC = 'ENOTPUBLIC'

/** A public address, by the IANA special-purpose registries. IPv4 inside IPv6 is never one. */
export function isPublicAddress(address: string, family: number): boolean {
  return family === 6 ? !NOT_PUBLIC_6.check(address, 'ipv6') : !NOT_PUBLIC_4.check(address, 'ipv4')
}

/**
 * Resolves a name to a public address and hands out that one alone: what was checked is what is connected to. A name of
 * which one address is not public is refused whole. Node does not ask a lookup about an address that is written as one:
 * refuse those by `addressIn`.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { all: true, verbatim: true }, (error, addresses) => {
    const chosen = addresses?.find(({ address, family }) => isPublicAddress(address, family))
    if (error || !chosen || addresses.some(({ address, family }) => !isPublicAddress(address, family))) {
      callback(error ?? Object.assign(new Error('the host has no public address'), { code: NOT_PUBLIC }), '', 4)
    } else if (options.all) callback(null, [chosen])
    else callback(null, chosen.address, chosen.family)
  })
}

/** The address that a URL's host name is, if it is one: `127.0.0.1`, `[::1]`. */
export function addressIn(hostname: string): { address: string; family: 4 | 6 } | undefined {
  const address = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  const family = isIP(address)
  return family === 0 ? undefined : { address, family: family as 4 | 6 }
}
