import type { Carrier, SentRequest } from '@souk/plugins-sdk/testing'

interface Parcel {
  id: string
  code: string
  locker: string
  status: string
  scans: { at: string; status: string; text: string; place: string }[]
}

const LOCKER_PARCELS_MAX = 2
const JOURNEY = [
  ['registered', 'Announced', 'Online'],
  ['collected', 'Collected from the sender', 'Hamburg'],
  ['sorted', 'Sorted', 'Berlin-Nord'],
  ['in_locker', 'Ready to be picked up', 'Locker'],
  ['picked_up', 'Picked up', 'Locker'],
] as const

/** A little Kapsel: keys, idempotent parcels, lockers that fill up, labels, a parcel that travels one stop at a time, and bad days. */
export class CarrierSimulator {
  readonly key = 'kapsel-test-key'
  readonly received: SentRequest[] = []
  readonly #parcels = new Map<string, Parcel>()
  readonly #byKey = new Map<string, Parcel>()
  #troubles: number[] = []

  /** The next requests are answered with these statuses and nothing else; 0 is no answer. */
  failNext(...statuses: number[]): void {
    this.#troubles = statuses
  }

  /** Moves a parcel one stop on. */
  move(code: string): void {
    const parcel = this.#parcels.get(code)!
    const at = parcel.scans.length
    const [status, text, place] = JOURNEY[at]!
    parcel.status = status
    parcel.scans.push({ at: `2027-03-0${at + 1}T08:30:00+01:00`, status, text, place })
  }

  get parcels(): number {
    return this.#parcels.size
  }

  readonly carrier: Carrier = (request) => {
    this.received.push(request)
    const trouble = this.#troubles.shift()
    if (trouble === 0) throw new Error('connection refused')
    if (trouble !== undefined) return { status: trouble, body: '<html>one moment</html>' }
    if (request.headers.authorization !== `Bearer ${this.key}`) return problem(401, 'unauthorized', 'This key is not known')
    return this.#answer(request)
  }

  #answer({ method, url, headers, body }: SentRequest): ReturnType<Carrier> {
    const [, kind, id = '', part] = /^https:\/\/api\.kapsel\.example\/v2\/(parcels|follow)(?:\/([^/]+))?(?:\/(label))?$/.exec(url) ?? []
    if (method === 'POST' && kind === 'parcels') return this.#announce(headers['idempotency-key'], JSON.parse(body ?? '{}'))
    const parcel = [...this.#parcels.values()].find((known) => known.id === id || known.code === id)
    if (parcel === undefined) return problem(404, 'not_found', 'No such parcel')
    if (method === 'GET' && part === 'label') return json(200, { pdf_base64: btoa(`%PDF-1.7 ${parcel.code} to ${parcel.locker}`) })
    if (method === 'GET' && kind === 'follow') return json(200, { status: parcel.status, scans: parcel.scans })
    if (method === 'DELETE' && parcel.status !== 'registered') return problem(409, 'on_its_way', 'The parcel was collected already')
    if (method === 'DELETE') {
      this.#parcels.delete(parcel.code)
      return { status: 204 }
    }
    return problem(405, 'method_not_allowed', 'No')
  }

  #announce(key: string | undefined, { locker, weight_grams }: { locker: string; weight_grams: number }): ReturnType<Carrier> {
    if (key === undefined) return problem(400, 'key_missing', 'An idempotency key is needed')
    const before = this.#byKey.get(key)
    if (before !== undefined) return json(201, { parcel: { id: before.id, code: before.code } })
    if (weight_grams > 25_000) return problem(422, 'too_heavy', 'At most 25 kg')
    const there = [...this.#parcels.values()].filter((parcel) => parcel.locker === locker).length
    if (there >= LOCKER_PARCELS_MAX) return problem(409, 'locker_full', `${locker} is full until tomorrow`)
    const number = this.#byKey.size + 1
    const parcel: Parcel = { id: `p_${number}`, code: `KP${String(number).padStart(5, '0')}DE`, locker, status: 'registered', scans: [] }
    this.#parcels.set(parcel.code, parcel)
    this.#byKey.set(key, parcel)
    this.move(parcel.code)
    return json(201, { parcel: { id: parcel.id, code: parcel.code } })
  }
}

function json(status: number, body: unknown): ReturnType<Carrier> {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

function problem(status: number, code: string, message: string): ReturnType<Carrier> {
  return json(status, { error: { code, message } })
}
