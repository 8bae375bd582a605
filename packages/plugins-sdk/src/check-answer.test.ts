import { describe, expect, test } from 'vitest'
import { checkAnswer } from './check-answer.ts'
import type { ContractId } from './contracts/contract.ts'

const input = {
  lines: [
    { id: 'a', quantity: 2, amount: 500 },
    { id: 'b', quantity: 1, amount: 100 },
  ],
  codes: ['SPRING'],
}
const message = 'Off'
const value = { percentage: '10' }
const onLine = { type: 'line', line_id: 'a', value, message }
const due = { rates: [{ name: 'MWST', rate: '8.1' }] }
const bothLines = [
  { line_id: 'a', due },
  { line_id: 'b', due: { rates: [] } },
]

const complaints = (contract: ContractId, hook: string, answer: unknown, asked: object = input) => {
  const checked = checkAnswer(contract, hook, answer, asked, {})
  return checked.ok ? [] : checked.complaints.map((complaint) => `${complaint.pointer} ${complaint.message}`)
}

describe('is content with', () => {
  test.each<[string, ContractId, string, unknown]>([
    ['no discount', 'discount@1', 'run', { operations: [] }],
    [
      'two operations on a line, one on the order',
      'discount@1',
      'run',
      { operations: [onLine, onLine, { type: 'order', value: { amount: 5 }, message, code: 'SPRING' }] },
    ],
    [
      'units of a line',
      'discount@2',
      'run',
      { discounts: [{ target: { lines: [{ line_id: 'a', quantity: 2 }] }, value: { unit_price: 90 }, message }] },
    ],
    ['a rate for each line', 'tax@1', 'run', { lines: bothLines, shipping: null, note: null }],
    ['rates of delivery', 'fulfillment@1', 'rates', { rates: [{ code: 'a', name: 'A', amount: 1, delivery_days: { min: 1, max: 1 } }] }],
    ['nothing to do', 'fulfillment@1', 'fetchLabel', { nothing_to_do: 'The label came with the shipment.' }],
  ])('%s', (_name, contract, hook, answer) => {
    expect(complaints(contract, hook, answer)).toEqual([])
  })

  test('a line it cannot know, when ids were not asked for', () => {
    expect(complaints('discount@1', 'run', { operations: [onLine] }, { lines: [{ quantity: 1 }] })).toEqual([])
  })
})

describe('complains of', () => {
  test.each<[string, ContractId, string, unknown, RegExp]>([
    ['no answer', 'discount@1', 'run', undefined, /^ /],
    ['a word it does not know', 'discount@1', 'run', { operations: [], total: 0 }, /unknown: total/],
    ['a fraction', 'discount@1', 'run', { operations: [{ ...onLine, value: { amount: 1.5 } }] }, /^\/operations\/0\/value/],
    ['a negative discount', 'discount@1', 'run', { operations: [{ ...onLine, value: { amount: -5 } }] }, /^\/operations\/0\/value/],
    ['more than all', 'discount@1', 'run', { operations: [{ ...onLine, value: { percentage: '100.1' } }] }, /^\/operations\/0\/value/],
    ['a message with a line end', 'discount@1', 'run', { operations: [{ ...onLine, message: 'a\nb' }] }, /^\/operations\/0\/message/],
    [
      'a line that is not there',
      'discount@1',
      'run',
      { operations: [{ ...onLine, line_id: 'z' }] },
      /^\/operations\/0\/line_id z is no line/,
    ],
    ['a third operation on a line', 'discount@1', 'run', { operations: [onLine, onLine, onLine] }, /^\/operations\/2 more than 2/],
    [
      'a code nobody entered',
      'discount@1',
      'run',
      { operations: [{ ...onLine, code: 'VIP' }] },
      /^\/operations\/0\/code VIP was not entered/,
    ],
    [
      'more units than there are',
      'discount@2',
      'run',
      { discounts: [{ target: { lines: [{ line_id: 'a', quantity: 3 }] }, value, message }] },
      /quantity the line has only 2/,
    ],
    [
      'a line twice in a target',
      'discount@2',
      'run',
      { discounts: [{ target: { lines: [{ line_id: 'a' }, { line_id: 'a' }] }, value, message }] },
      /targeted twice/,
    ],
    [
      'a unit price of an order',
      'discount@2',
      'run',
      { discounts: [{ target: { order: true }, value: { unit_price: 1 }, message }] },
      /only lines/,
    ],
    [
      'an amount per unit of shipping',
      'discount@2',
      'run',
      { discounts: [{ target: { shipping: true }, value: { amount: 1, per: 'unit' }, message }] },
      /only lines/,
    ],
    ['a line left out', 'tax@1', 'run', { lines: bothLines.slice(1), shipping: null, note: null }, /nothing is said of line a/],
    ['a line twice', 'tax@1', 'run', { lines: [...bothLines, bothLines[0]], shipping: null, note: null }, /answered twice/],
    [
      'more tax than the line costs',
      'tax@1',
      'run',
      { lines: [bothLines[0], { line_id: 'b', due: { taxes: [{ name: 'T', amount: 101 }] } }], shipping: null, note: null },
      /101 of tax on 100/,
    ],
    [
      'two rates of one code',
      'fulfillment@1',
      'rates',
      {
        rates: [
          { code: 'a', name: 'A', amount: 1 },
          { code: 'a', name: 'B', amount: 2 },
        ],
      },
      /a is given twice/,
    ],
    [
      'days the wrong way round',
      'fulfillment@1',
      'rates',
      { rates: [{ code: 'a', name: 'A', amount: 1, delivery_days: { min: 3, max: 2 } }] },
      /min is above max/,
    ],
    [
      'a request that the manifest does not allow',
      'fulfillment@1',
      'track',
      { request: { host: 'x.example', method: 'GET', path: '/', body: null, accepts: 'text' } },
      /^\/request\/host/,
    ],
    [
      'a label of an unknown kind',
      'fulfillment@1',
      'parseLabel',
      { outcome: 'ready', media_type: 'text/html', from: { document: true } },
      /^\/media_type/,
    ],
    [
      'a link that is not https',
      'fulfillment@1',
      'parseShipment',
      { outcome: 'created', carrier_reference: 'x', tracking_number: null, tracking_url: 'javascript:alert(1)' },
      /^\/tracking_url/,
    ],
    ['a hook that does not exist', 'tax@1', 'constructor', {}, /no hook constructor/],
  ])('%s', (_name, contract, hook, answer, says) => {
    expect(complaints(contract, hook, answer).join('\n')).toMatch(says)
  })
})
