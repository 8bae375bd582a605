import type { z } from 'zod'
import { requestComplaints } from './carrier.ts'
import type { RequestOutputV1 } from './contracts/carrier-request.ts'
import { type ContractId, hookOf } from './contracts/contract.ts'
import type { DiscountOutputV1 } from './contracts/discount.ts'
import type { ParsedDiscountOutputV2 } from './contracts/discount-v2.ts'
import type { RatesOutputV1 } from './contracts/fulfillment.ts'
import type { TaxOutputV1 } from './contracts/tax.ts'
import type { Manifest } from './manifest.ts'

export interface Complaint {
  /** JSON pointer into the answer: '/operations/0/line_id'. */
  pointer: string
  message: string
}

export type CheckedAnswer<Answer> = { ok: true; answer: Answer } | { ok: false; complaints: Complaint[] }

/** What an answer is held against. Of a recorded call only the fields that were asked for are there. */
export interface AskedInput {
  lines?: readonly { id?: string; quantity?: number; amount?: number }[]
  codes?: readonly string[]
}

const OPERATIONS_PER_LINE_MAX = 2
const COMPLAINTS_MAX = 20

/**
 * Reads what a hook answered: the contract's schema first, then that it speaks of this input (lines that exist, codes that were
 * entered, requests to declared hosts). Amounts are not judged here: the shop takes no more off than there is.
 */
export function checkAnswer(
  contract: ContractId,
  hook: string,
  answer: unknown,
  input: AskedInput,
  manifest: Pick<Manifest, 'hosts' | 'secrets'>,
): CheckedAnswer<unknown> {
  const schema = hookOf(contract, hook)?.output
  if (schema === undefined) return { ok: false, complaints: [{ pointer: '', message: `${contract} has no hook ${hook}` }] }
  const read = schema.safeParse(answer)
  if (!read.success) return { ok: false, complaints: schemaComplaints(read.error) }
  const complaints = [...meaningComplaints(contract, hook, read.data, input, manifest)].slice(0, COMPLAINTS_MAX)
  return complaints.length === 0 ? { ok: true, answer: read.data } : { ok: false, complaints }
}

/** A zod error as complaints, each with a JSON pointer. */
export function schemaComplaints(error: z.ZodError): Complaint[] {
  return error.issues.slice(0, COMPLAINTS_MAX).map((issue) => ({
    pointer: issue.path.map((step) => `/${String(step)}`).join(''),
    message: issue.code === 'unrecognized_keys' ? `unknown: ${issue.keys.join(', ')}` : issue.message,
  }))
}

function meaningComplaints(
  contract: ContractId,
  hook: string,
  answer: unknown,
  input: AskedInput,
  manifest: Pick<Manifest, 'hosts' | 'secrets'>,
): Iterable<Complaint> {
  if (contract === 'discount@1') return discountV1Complaints(answer as DiscountOutputV1, input)
  if (contract === 'discount@2') return discountV2Complaints(answer as ParsedDiscountOutputV2, input)
  if (contract === 'tax@1') return taxComplaints(answer as TaxOutputV1, input)
  if (hook === 'rates') return rateComplaints(answer as RatesOutputV1)
  return hookOf(contract, hook)?.kind === 'request' ? answeredRequestComplaints(answer as RequestOutputV1, manifest) : []
}

function* discountV1Complaints({ operations }: DiscountOutputV1, { lines, codes }: AskedInput): Generator<Complaint> {
  const known = idsOf(lines)
  const seen = new Map<string, number>()
  for (const [index, operation] of operations.entries()) {
    const at = `/operations/${index}`
    yield* codeComplaints(operation.code, codes, at)
    if (operation.type !== 'line') continue
    if (known?.has(operation.line_id) === false) yield { pointer: `${at}/line_id`, message: `${operation.line_id} is no line of this cart` }
    const times = (seen.get(operation.line_id) ?? 0) + 1
    seen.set(operation.line_id, times)
    if (times > OPERATIONS_PER_LINE_MAX) {
      yield { pointer: at, message: `more than ${OPERATIONS_PER_LINE_MAX} operations on line ${operation.line_id}` }
    }
  }
}

function* discountV2Complaints({ discounts }: ParsedDiscountOutputV2, { lines, codes }: AskedInput): Generator<Complaint> {
  const known = idsOf(lines)
  for (const [index, { target, value, code }] of discounts.entries()) {
    const at = `/discounts/${index}`
    yield* codeComplaints(code, codes, at)
    if (!('lines' in target)) {
      if ('unit_price' in value) yield { pointer: `${at}/value`, message: 'only lines have a price per unit' }
      if ('per' in value && value.per === 'unit') yield { pointer: `${at}/value/per`, message: 'only lines have units' }
      continue
    }
    const targeted = new Set<string>()
    for (const [place, { line_id, quantity }] of target.lines.entries()) {
      const here = `${at}/target/lines/${place}`
      if (known?.has(line_id) === false) yield { pointer: `${here}/line_id`, message: `${line_id} is no line of this cart` }
      if (targeted.has(line_id)) yield { pointer: `${here}/line_id`, message: `${line_id} is targeted twice` }
      targeted.add(line_id)
      const most = known?.get(line_id)?.quantity
      if (quantity !== undefined && most !== undefined && quantity > most) {
        yield { pointer: `${here}/quantity`, message: `the line has only ${most}` }
      }
    }
  }
}

function* codeComplaints(code: string | undefined, codes: readonly string[] | undefined, at: string): Generator<Complaint> {
  if (code !== undefined && codes?.includes(code) === false) yield { pointer: `${at}/code`, message: `${code} was not entered` }
}

function* taxComplaints({ lines }: TaxOutputV1, input: AskedInput): Generator<Complaint> {
  const known = idsOf(input.lines)
  const seen = new Set<string>()
  for (const [index, { line_id, due }] of lines.entries()) {
    if (known?.has(line_id) === false) yield { pointer: `/lines/${index}/line_id`, message: `${line_id} is no line of this cart` }
    if (seen.has(line_id)) yield { pointer: `/lines/${index}/line_id`, message: `${line_id} is answered twice` }
    seen.add(line_id)
    const amount = known?.get(line_id)?.amount
    const total = 'taxes' in due ? due.taxes.reduce((sum, tax) => sum + tax.amount, 0) : 0
    if (amount !== undefined && total > amount) yield { pointer: `/lines/${index}/due`, message: `${total} of tax on ${amount}` }
  }
  for (const id of known?.keys() ?? []) if (!seen.has(id)) yield { pointer: '/lines', message: `nothing is said of line ${id}` }
}

function* rateComplaints({ rates }: RatesOutputV1): Generator<Complaint> {
  const seen = new Set<string>()
  for (const [index, { code, delivery_days }] of rates.entries()) {
    if (seen.has(code)) yield { pointer: `/rates/${index}/code`, message: `${code} is given twice` }
    seen.add(code)
    if (delivery_days !== undefined && delivery_days.min > delivery_days.max) {
      yield { pointer: `/rates/${index}/delivery_days`, message: 'min is above max' }
    }
  }
}

function* answeredRequestComplaints(answer: RequestOutputV1, manifest: Pick<Manifest, 'hosts' | 'secrets'>): Generator<Complaint> {
  if (!('request' in answer)) return
  for (const { pointer, message } of requestComplaints(manifest, answer.request)) yield { pointer: `/request${pointer}`, message }
}

/** Lines by id; undefined when the plugin did not ask for ids and so cannot name one. */
function idsOf(lines: AskedInput['lines']): Map<string, NonNullable<AskedInput['lines']>[number]> | undefined {
  if (lines === undefined || lines.some(({ id }) => id === undefined)) return undefined
  return new Map(lines.map((line) => [line.id!, line]))
}
