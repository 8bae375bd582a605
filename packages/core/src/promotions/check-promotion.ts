import type { Tx } from '@souk/tenant-router/tx.ts'
import { z } from 'zod'
import {
  type PromotionAction,
  type PromotionDocument,
  type PromotionDocumentInput,
  promotionDocumentSchema,
} from '../pricing/promotion-document.ts'
import { type FieldProblem, Refusal, type RefusalCode } from '../refusal.ts'
import type { Conditions } from '../rules/conditions.ts'
import { checkAgainstReference } from '../rules/reference-engine.ts'
import { validateConditions } from '../rules/validate.ts'
import { nameFault } from '../text.ts'
import { CONDITIONS_MAX, PROMOTION_BYTES_MAX } from './limits.ts'

/** A version as its author writes it: what it is called, when it holds and what it does. The rest is given to it. */
export type PromotionDraft = Omit<PromotionDocumentInput, 'id' | 'version' | 'rollout_ppm' | 'rollout_from_ppm'>

const NAME_GRAPHEMES_MAX = 200
const WHOLE_PPM = 1_000_000

/** Conditions in a promotion: where they stand, what they are about, and how they are put back once they are checked. */
interface PlacedConditions {
  pointer: string
  scope: 'cart' | 'line'
  json: unknown
  keep(checked: PromotionDocument['conditions']): void
}

/**
 * The version as it is kept, with its conditions in their checked form. Refuses, naming every fault it finds by a JSON Pointer
 * into the draft: `promotion_invalid` for its form, for parts that contradict each other and for gifts that are not there, and
 * what `validateConditions` refuses.
 */
export async function checkPromotion(tx: Tx, draft: PromotionDraft, place: { id: string; version: number }): Promise<PromotionDocument> {
  const document = readDraft(draft, place)
  const faults = [...partFaults(document), ...(await giftFaults(tx, document))]
  if (faults.length > 0) throw invalid(faults)
  checkConditions(document)
  for (const { json, scope, pointer } of conditionsOf(document)) await checkAgainstReference(json as Conditions, { scope, pointer })
  return document
}

/** Where conditions stand in a promotion: its own, and those by which its actions choose lines. */
export function conditionsOf(document: PromotionDocument): PlacedConditions[] {
  const own: PlacedConditions = {
    pointer: '/conditions',
    scope: 'cart',
    json: document.conditions,
    keep: (checked) => {
      document.conditions = checked
    },
  }
  const chosen = document.actions.flatMap((action, index) =>
    selections(action).map(({ at, holder }): PlacedConditions => {
      const pointer = `/actions/${index}${at}/where`
      const keep = (checked: PromotionDocument['conditions']) => {
        holder.where = checked
      }
      return { pointer, scope: 'line', json: holder.where, keep }
    }),
  )
  return [own, ...chosen].filter(({ json }) => json !== null)
}

/** The parts of an action that choose lines. */
function selections(action: PromotionAction): { at: string; holder: { where: PromotionDocument['conditions'] } }[] {
  switch (action.type) {
    case 'gift':
      return []
    case 'buy_x_get_y':
      return [
        { at: '/buy', holder: action.buy },
        { at: '/get', holder: action.get },
      ]
    case 'bundle':
      return action.parts.map((holder, index) => ({ at: `/parts/${index}`, holder }))
    default:
      return [{ at: '', holder: action }]
  }
}

function readDraft(draft: PromotionDraft, { id, version }: { id: string; version: number }): PromotionDocument {
  const text = JSON.stringify(draft)
  if (text === undefined || Buffer.byteLength(text) > PROMOTION_BYTES_MAX) {
    const detail = `A promotion has at most ${PROMOTION_BYTES_MAX / 1024} KiB.`
    throw new Refusal('rule_too_complex', { detail, errors: [{ pointer: '', code: 'too_large', detail }] })
  }
  const read = promotionDocumentSchema.safeParse({ ...draft, id, version, rollout_ppm: WHOLE_PPM, rollout_from_ppm: 0 })
  if (!read.success) throw invalid(read.error.issues.flatMap(toFieldProblems))
  const fault = nameFault(read.data.name, NAME_GRAPHEMES_MAX)
  if (fault) throw invalid([{ pointer: '/name', code: fault }])
  // A copy: the caller's conditions are not touched when the checked ones are put in their place.
  return structuredClone({ ...read.data, name: read.data.name.normalize('NFC') })
}

/** Conditions of the cart and of all actions, one by one. */
function countLeaves(node: unknown): number {
  if (Array.isArray(node)) return node.reduce((sum: number, each) => sum + countLeaves(each), 0)
  if (typeof node !== 'object' || node === null) return 0
  return Object.values(node).reduce((sum: number, each) => sum + countLeaves(each), Object.hasOwn(node, 'fact') ? 1 : 0)
}

/** All conditions are looked at before the first fault is answered. The gravest code is that of the refusal. */
function checkConditions(document: PromotionDocument): void {
  const refused: Refusal[] = []
  for (const { pointer, scope, json, keep } of conditionsOf(document)) {
    try {
      keep(validateConditions(json, { scope, pointer }))
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refused.push(error)
    }
  }
  const [first] = refused
  if (!first) {
    const leaves = conditionsOf(document).reduce((sum, { json }) => sum + countLeaves(json), 0)
    if (leaves <= CONDITIONS_MAX) return
    const detail = `A promotion has at most ${CONDITIONS_MAX} conditions, those of its actions counted.`
    throw new Refusal('rule_too_complex', { detail, errors: [{ pointer: '/actions', code: 'too_many_conditions', detail }] })
  }
  const code = (['rule_too_complex', 'unsafe_pattern'] as RefusalCode[]).find((each) => refused.some((refusal) => refusal.code === each))
  throw new Refusal(code ?? first.code, { ...first.details, errors: refused.flatMap(({ details }) => details.errors ?? []) })
}

/** Parts that are right by themselves and wrong together. */
function partFaults(document: PromotionDocument): FieldProblem[] {
  return [...scheduleFaults(document.schedule), ...document.actions.flatMap((action, index) => actionFaults(action, `/actions/${index}`))]
}

function scheduleFaults(schedule: PromotionDocument['schedule']): FieldProblem[] {
  if (!schedule) return []
  const faults: FieldProblem[] = []
  const { starts_at: start, ends_at: end, from_minute: from, to_minute: to } = schedule
  for (const [field, moment] of Object.entries({ starts_at: start, ends_at: end }))
    if (moment !== null && !isCalendarDay(moment)) faults.push(fault(`/schedule/${field}`, 'no_such_day', 'There is no such day.'))
  if (start !== null && end !== null && start >= end)
    faults.push(fault('/schedule/ends_at', 'ends_before_start', 'It ends before it has started.'))
  if ((from === null) !== (to === null))
    faults.push(fault(`/schedule/${from === null ? 'from' : 'to'}_minute`, 'required', 'A window of the day has a beginning and an end.'))
  if (from !== null && from === to) faults.push(fault('/schedule/to_minute', 'empty_window', 'The window of the day is empty.'))
  return faults
}

function actionFaults(action: PromotionAction, pointer: string): FieldProblem[] {
  const faults: FieldProblem[] = []
  if (action.type === 'percentage' && action.rate_ppm === 0)
    faults.push(fault(`${pointer}/rate_percent`, 'nothing_off', 'It takes nothing off.'))
  if (action.type === 'fixed' && action.amount === 0) faults.push(fault(`${pointer}/amount`, 'nothing_off', 'It takes nothing off.'))
  if (action.type === 'tiers') {
    const starts = action.tiers.map((tier) => tier.from)
    for (const [index, from] of starts.entries())
      if (index > 0 && from <= starts[index - 1]!)
        faults.push(fault(`${pointer}/tiers/${index}/from`, 'tiers_not_rising', 'Each tier begins above the one before it.'))
  }
  return faults
}

async function giftFaults(tx: Tx, document: PromotionDocument): Promise<FieldProblem[]> {
  const gifts = document.actions.flatMap((action, index) => (action.type === 'gift' ? [{ id: action.variant_id, index }] : []))
  if (gifts.length === 0) return []
  const ids = gifts.map((gift) => gift.id).filter((id) => z.uuid().safeParse(id).success)
  const rows = await tx.sql<{ id: string }[]>`
    select id from variant where merchant_id = ${tx.merchantId} and id = any(${ids}::uuid[])`
  const known = new Set(rows.map((row) => row.id))
  return gifts
    .filter((gift) => !known.has(gift.id))
    .map((gift) => fault(`/actions/${gift.index}/variant_id`, 'not_found', 'There is no such variant.'))
}

/** A local time that the calendar has: not the 30th of February. */
function isCalendarDay(moment: string): boolean {
  const day = new Date(`${moment.slice(0, 10)}T00:00:00Z`)
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(moment.slice(0, 10))
}

function toFieldProblems(issue: z.core.$ZodIssue): FieldProblem[] {
  const pointer = issue.path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ pointer: `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, code: 'unknown_field' }))
  return [{ pointer, code: 'invalid_value', detail: issue.message }]
}

function fault(pointer: string, code: string, detail: string): FieldProblem {
  return { pointer, code, detail }
}

function invalid(errors: FieldProblem[]): Refusal {
  return new Refusal('promotion_invalid', { detail: 'The promotion cannot be kept as it is.', errors })
}
