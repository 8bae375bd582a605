import { addressIn, isPublicAddress } from './public-address.ts'

export const RECEIVER_PORTS: readonly string[] = ['', '443', '8443']

const NAMES_OF_INSIDE = /(^|\.)(localhost|local|localdomain|internal|intranet|lan|corp|home|home\.arpa|onion)$/

/**
 * Why a URL that somebody gave may not be sent to, or undefined. The URL is read as WHATWG reads it, so that `0x7f.1`,
 * `2130706433` and circled digits are the addresses they mean. Where its name leads is seen when it is connected to.
 */
export function receiverUrlFault(text: string, isOwnHost: (hostname: string) => boolean = () => false): string | undefined {
  if (!URL.canParse(text)) return 'This is no URL.'
  const url = new URL(text)
  if (url.protocol !== 'https:') return 'Only https is sent to.'
  if (url.username !== '' || url.password !== '') return 'Credentials do not belong in a URL; use a header.'
  if (!RECEIVER_PORTS.includes(url.port)) return `The port must be one of ${RECEIVER_PORTS.filter(Boolean).join(', ')}.`
  const hostname = url.hostname.replace(/\.$/, '')
  const address = addressIn(hostname)
  if (address) return isPublicAddress(address.address, address.family) ? undefined : 'The address is not a public one.'
  if (!hostname.includes('.') || NAMES_OF_INSIDE.test(hostname)) return 'The host is not a public one.'
  if (isOwnHost(hostname)) return 'This is a host of this platform itself.'
  return undefined
}
