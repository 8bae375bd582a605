import assert from 'node:assert/strict'
import { before, beforeEach, describe, test } from 'node:test'
import type { RatesOutputV1 } from '@souk/plugins-sdk'
import { askCarrier, type Bundle, buildBundle, callPlugin, sampleInput } from '@souk/plugins-sdk/testing'
import { CarrierSimulator } from './carrier-simulator.ts'

let bundle: Bundle
let kapsel: CarrierSimulator
before(async () => {
  bundle = await buildBundle()
})
beforeEach(() => {
  kapsel = new CarrierSimulator()
})

async function ratesFor(input: Parameters<typeof sampleInput>[2], configuration: object = {}): Promise<RatesOutputV1['rates']> {
  const answer = await callPlugin(bundle, 'fulfillment@1', 'rates', sampleInput('fulfillment@1', 'rates', input), configuration)
  assert.ok(answer.ok, answer.ok ? '' : answer.detail)
  return (answer.output as RatesOutputV1).rates
}

const place = (country: string, postcode: string | null) => ({ country, region: null, postcode, city: null })

describe('rates', () => {
  test('are those of the nearest lockers, the nearest first', async () => {
    const rates = await ratesFor({ destination: place('DE', '10119') })
    assert.deepEqual(
      rates.map(({ code, amount }) => [code, amount]),
      [
        ['locker:BER-014', 390],
        ['locker:BER-021', 390],
        ['locker:BER-033', 390],
      ],
    )
    assert.equal(rates[0]?.pickup_point?.city, 'Berlin')
  })

  for (const [kilograms, amount] of [
    [5, 390],
    [5.001, 590],
    [15, 590],
    [25, 890],
    [25.001, undefined],
  ] as const) {
    test(`for ${kilograms} kg are ${amount ?? 'none'}`, async () => {
      const [rate] = await ratesFor({ lines: [{ grams: kilograms * 1_000 }], destination: place('DE', '20095') })
      assert.equal(rate?.amount, amount)
    })
  }

  test('cost more abroad', async () => {
    assert.equal((await ratesFor({ destination: place('AT', '1030') }))[0]?.amount, 790)
  })

  test('are free from the amount that the merchant set', async () => {
    const input = { lines: [{ unit_price: 6_000 }], destination: place('DE', '10119') }
    assert.equal((await ratesFor(input, { free_from: 6_000 }))[0]?.amount, 0)
    assert.equal((await ratesFor(input, { free_from: 6_001 }))[0]?.amount, 390)
  })

  test('are none without an address, far from any locker, or for bulky goods', async () => {
    assert.deepEqual(await ratesFor({ destination: null }), [])
    assert.deepEqual(await ratesFor({ destination: place('DE', null) }), [])
    assert.deepEqual(await ratesFor({ destination: place('DE', '99084') }), [])
    assert.deepEqual(await ratesFor({ destination: place('FR', '75001') }), [])
    assert.deepEqual(await ratesFor({ lines: [{ tags: ['bulky'] }], destination: place('DE', '10119') }), [])
  })
})

describe('a parcel', () => {
  const shipment = (more: object = {}) =>
    sampleInput('fulfillment@1', 'createShipment', { shipment: { id: 's1', method: 'locker:BER-014', order_number: '1007', ...more } })
  const ask = (hook: string, input: object) =>
    askCarrier(bundle, hook, input, {}, { secrets: { api_key: kapsel.key }, carrier: kapsel.carrier })

  test('is announced, gets its label, travels, and is picked up', async () => {
    const announced = await ask('createShipment', shipment())
    assert.deepEqual(announced.output, {
      outcome: 'created',
      carrier_reference: 'p_1',
      tracking_number: 'KP00001DE',
      tracking_url: 'https://kapsel.example/follow/KP00001DE',
    })
    const known = shipment({ carrier_reference: 'p_1', tracking_number: 'KP00001DE' })
    const { label } = await ask('fetchLabel', known)
    assert.equal(new TextDecoder().decode(label), '%PDF-1.7 KP00001DE to BER-014')
    const seen: string[] = []
    for (let stop = 0; stop < 5; stop++) {
      const { output } = await ask('track', known)
      seen.push((output as { status: string }).status)
      if (stop < 4) kapsel.move('KP00001DE')
    }
    assert.deepEqual(seen, ['announced', 'in_transit', 'in_transit', 'at_pickup_point', 'delivered'])
    const { output } = await ask('track', known)
    assert.deepEqual((output as { events: unknown[] }).events.at(-1), {
      at: '2027-03-05T08:30:00+01:00',
      status: 'delivered',
      text: 'Picked up',
      place: 'Locker',
    })
  })

  test('that is announced twice is one parcel', async () => {
    const [one, other] = [await ask('createShipment', shipment()), await ask('createShipment', shipment())]
    assert.deepEqual(one.output, other.output)
    assert.equal(kapsel.parcels, 1)
  })

  test('tells the carrier only what a locker needs', async () => {
    const { request } = await ask('createShipment', shipment())
    assert.deepEqual(Object.keys(JSON.parse(request?.body ?? '{}').recipient), ['name', 'email', 'phone'])
    assert.doesNotMatch(request?.body ?? '', /Example Street/)
  })

  test('is tried again after a bad day of the carrier, and not after a no', async () => {
    for (const status of [0, 429, 503]) {
      kapsel.failNext(status)
      const { output } = await ask('createShipment', shipment())
      assert.deepEqual([(output as { outcome: string }).outcome, (output as { retry: boolean }).retry], ['failed', true])
    }
    await ask('createShipment', shipment({ id: 's2' }))
    await ask('createShipment', shipment({ id: 's3' }))
    const { output } = await ask('createShipment', shipment({ id: 's4' }))
    assert.deepEqual(output, { outcome: 'failed', code: 'locker_full', message: 'Kapsel: BER-014 is full until tomorrow', retry: false })
  })

  test('with a wrong key is refused without a retry', async () => {
    const { output } = await askCarrier(
      bundle,
      'createShipment',
      shipment(),
      {},
      { secrets: { api_key: 'wrong' }, carrier: kapsel.carrier },
    )
    assert.deepEqual(output, { outcome: 'failed', code: 'unauthorized', message: 'Kapsel: This key is not known', retry: false })
  })

  test('can be cancelled until it is collected', async () => {
    await ask('createShipment', shipment())
    const known = shipment({ carrier_reference: 'p_1', tracking_number: 'KP00001DE' })
    kapsel.move('KP00001DE')
    assert.equal(((await ask('cancelShipment', known)).output as { code: string }).code, 'on_its_way')
    await ask('createShipment', shipment({ id: 's2' }))
    const other = shipment({ carrier_reference: 'p_2', tracking_number: 'KP00002DE' })
    assert.deepEqual((await ask('cancelShipment', other)).output, { outcome: 'cancelled' })
    assert.deepEqual((await ask('cancelShipment', other)).output, { outcome: 'cancelled' })
  })

  test('of another carrier is left alone', async () => {
    assert.deepEqual(await ask('createShipment', shipment({ method: 'standard' })), {
      nothingToDo: 'This shipment goes to no locker of ours.',
    })
    assert.deepEqual(await ask('fetchLabel', shipment()), { nothingToDo: 'The parcel is not announced yet.' })
    assert.equal(kapsel.received.length, 0)
  })
})
