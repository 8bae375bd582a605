import { type Case, NOWHERE, staffGet } from './bad-input-case.ts'

const endpoint =
  (fields: object): Case[2] =>
  (ground) => ({
    method: 'POST',
    url: '/v1/admin/webhook-endpoints',
    token: ground.shop.token,
    payload: { url: 'https://hooks.shop.com/', events: ['*'], ...fields },
  })
const replay =
  (payload: object): Case[2] =>
  (ground) => ({ method: 'POST', url: `/v1/admin/webhook-endpoints/${NOWHERE}/replays`, token: ground.shop.token, payload })
const notAllowed = (item: number, url: string): Case => [item, `webhooks to ${url}`, endpoint({ url }), 422, 'url-not-allowed', '/url']
const badHeader = (name: string, value: string, why: string): Case => [
  85,
  `a header ${why}`,
  endpoint({ headers: { [name]: value } }),
  422,
  'invalid-header',
]

export const WEBHOOKS: Case[] = [
  ...['https://127.1/', 'https://0x7f.1/', 'https://2130706433/', 'https://017700000001/', 'https://①②⑦.⓪.⓪.①/'].map((url) =>
    notAllowed(79, url),
  ),
  ...[
    'https://[::ffff:169.254.169.254]/',
    'https://[::]/',
    'https://0/',
    'https://[fc00::1]/',
    'https://100.64.0.1/',
    'https://[64:ff9b::7f00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[::127.0.0.1]/',
    'https://localhost/',
    'https://metadata.google.internal/',
  ].map((url) => notAllowed(80, url)),
  ...[
    'http://hooks.shop.com/',
    'ftp://hooks.shop.com/',
    'file:///etc/passwd',
    'gopher://hooks.shop.com/',
    'https://ada:secret@hooks.shop.com/',
    'https://hooks.shop.com:22/',
    'https://hooks.shop.com:5432/',
    'not a url',
  ].map((url) => notAllowed(83, url)),
  ...['https://api.localhost/v1/carts', 'https://platform.localhost/v1/merchants', 'https://localhost:8443/'].map((url) =>
    notAllowed(84, url),
  ),
  badHeader('x-shop', 'a\r\nhost: evil.example', 'with a line break'),
  badHeader('x-shop', 'ü', 'that is no ASCII'),
  badHeader('x-shop\r\nhost', 'a', 'with a line break in its name'),
  badHeader('webhook-id', 'mine', 'that is ours'),
  badHeader('Host', 'evil.example', 'that says the host'),
  badHeader('content-length', '0', 'that says the length'),
  [38, 'a webhook endpoint with a secret of its own', endpoint({ secret: 'whsec_x' }), 400, 'unknown-field', '/secret'],
  [38, 'an event type that is none', endpoint({ events: ['Order Placed'] }), 400, 'invalid-body', '/events/0'],
  [38, 'no event type at all', endpoint({ events: [] }), 400, 'invalid-body', '/events'],
  [38, 'a payload version there is not', endpoint({ payload_version: '2020-01-01' }), 400, 'invalid-body', '/payload_version'],
  [26, 'NUL in the description of an endpoint', endpoint({ description: 'a\u0000' }), 422, 'invalid-text', '/description'],
  [20, 'deliveries of an endpoint that is not there', staffGet(`/v1/admin/webhook-endpoints/${NOWHERE}/deliveries`), 404, 'not-found'],
  [95, 'a replay since infinity', replay({ since: 'infinity' }), 400, 'invalid-timestamp', '/since'],
  [95, 'a replay since a day without its offset', replay({ since: '2026-01-01T00:00:00' }), 400, 'invalid-timestamp', '/since'],
  [20, 'a replay to an endpoint that is not there', replay({ since: '2026-01-01T00:00:00Z' }), 404, 'not-found'],
  [93, 'half a mark of the audit log', staffGet('/v1/admin/audit/verification?known_sequence=1'), 400, 'invalid-parameter'],
]
