import { percent } from '@souk/core/pricing/percent.ts'
import type { PromotionDraft } from '@souk/core/promotions/check-promotion.ts'
import type { Promotion, PromotionVersion } from '@souk/core/promotions/promotion.ts'
import type { SavedPromotion } from '@souk/core/promotions/save-promotion.ts'
import type { PromotionUsage } from '@souk/core/promotions/usage-figures.ts'
import { type FieldProblem, Refusal } from '@souk/core/refusal.ts'
import { conditionsSchema } from '@souk/core/rules/conditions.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { givenMoneySchema, moneySchema, presentMoney } from './money.ts'
import { percentSchema, toPpm } from './percent.ts'
import {
  actionsSchema,
  misplacedTiers,
  moneyIn,
  presentAction,
  readAction,
  shownActionsSchema,
  shownConditionsSchema,
} from './promotion-action.ts'
import { textSchema } from './text.ts'
import { timeSchema } from './time.ts'

const NAME_GRAPHEMES_MAX = 200
const DESCRIPTION_LENGTH_MAX = 2_000
const USES_MAX = 100_000
const MINUTE_MAX = 1_440

const uses = z.int().min(1, 'quantity_out_of_range').max(USES_MAX, 'quantity_out_of_range').nullable().default(null)
const minute = z.int().min(0, 'quantity_out_of_range').max(MINUTE_MAX, 'quantity_out_of_range').nullable().default(null)
const localTime = z
  .string()
  .regex(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/, 'invalid_timestamp')
  .nullable()
  .default(null)
  .meta({ description: 'Time on the clock of the time zone, without an offset.', examples: ['2026-11-27T00:00'] })

export const reasonSchema = textSchema(500).meta({ description: 'Why: kept in the audit log.', maxLength: 500 })

const scheduleSchema = z.strictObject({
  starts_at: localTime,
  ends_at: localTime.meta({ description: 'No longer inside.' }),
  time_zone: z
    .string()
    .min(1)
    .max(64)
    .nullable()
    .default(null)
    .meta({ description: "IANA name; null is the merchant's.", examples: ['Europe/Berlin'] }),
  weekdays: z.array(z.int().min(1).max(7)).min(1).max(7).nullable().default(null).meta({ description: '1 is Monday, 7 Sunday.' }),
  from_minute: minute.meta({ description: 'Of the day: 18:30 is 1110. A window may run over midnight.' }),
  to_minute: minute.meta({ description: 'No longer inside.' }),
})

const stackingSchema = z.strictObject({
  mode: z.enum(['stack', 'exclusive', 'best']).default('stack').meta({
    description:
      'stack: together with others. exclusive: no other of its group applies, without a group no other at all. best: of all `best` of its group only the one worth most.',
  }),
  group: z.string().min(1).max(64).nullable().default(null),
  discounted_lines: z.enum(['include', 'skip']).default('include').meta({ description: 'Whether it is also for lines reduced already.' }),
})

function limitsSchemas<Money extends z.ZodType>(money: Money) {
  return z.strictObject({
    uses: uses.meta({ description: 'By all orders together.' }),
    uses_per_customer: uses,
    budget: money.nullable().default(null).meta({ description: 'What it may cost in all.' }),
    budget_overrun: z.enum(['cap', 'refuse']).default('cap').meta({
      description: 'For the cart that would pass the budget: what is left of it, or nothing.',
    }),
  })
}

const written = {
  name: textSchema(NAME_GRAPHEMES_MAX).meta({ description: 'Buyers see it.' }),
  description: z.string().max(DESCRIPTION_LENGTH_MAX, 'text_too_long').default('').meta({ description: 'For staff.' }),
  trigger: z.enum(['automatic', 'coupon']).default('automatic'),
  priority: z.int().min(1, 'quantity_out_of_range').max(1_000, 'quantity_out_of_range').default(100).meta({
    description: 'The higher is considered first; equals in the order of their ids.',
  }),
}

/** A version as staff write it. */
export const newVersionSchema = z.strictObject({
  ...written,
  stacking: stackingSchema.prefault({}),
  conditions: conditionsSchema.nullable().default(null),
  actions: actionsSchema,
  schedule: scheduleSchema.nullable().default(null),
  limits: limitsSchemas(givenMoneySchema).prefault({}),
  reason: reasonSchema,
})

export const warningSchema = z.strictObject({
  pointer: z.string(),
  code: z.string(),
  detail: z.string(),
  promotion_ids: z.array(idSchema),
})

export const versionSchema = z
  .strictObject({
    promotion_id: idSchema,
    version: z.int(),
    stage: z.enum(['draft', 'dry_run', 'live', 'retired']).meta({ description: 'How far it has come. A draft has not been tried.' }),
    ...written,
    stacking: stackingSchema,
    conditions: shownConditionsSchema.nullable(),
    actions: shownActionsSchema,
    schedule: scheduleSchema.nullable(),
    limits: limitsSchemas(moneySchema),
    warnings: z.array(warningSchema).meta({ description: 'What its author may not have meant. Nothing was refused.' }),
    author: z.record(z.string(), z.unknown()),
    reason: z.string(),
    created_at: timeSchema,
    dry_run_at: timeSchema.nullable(),
    first_live_at: timeSchema.nullable(),
  })
  .meta({ id: 'PromotionVersion' })

export const promotionSchema = z
  .strictObject({
    id: idSchema,
    name: z.string(),
    trigger: z.enum(['automatic', 'coupon']),
    state: z.enum(['draft', 'live', 'off']),
    latest_version: z.int(),
    live_version: z.int().nullable().meta({ description: 'The version that `rollout_percent` of the buyers get.' }),
    rollout_percent: z.string().nullable(),
    base_version: z.int().nullable().meta({ description: 'The version that the other buyers get; null is none.' }),
    created_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'Promotion' })

export const savedPromotionSchema = promotionSchema.extend({ version: versionSchema }).meta({ id: 'PromotionWithVersion' })

export const publishSchema = z.strictObject({
  version: z.int().min(1),
  percent: percentSchema.default('100').meta({ description: 'How many of the buyers get it. The others keep what they have.' }),
  skip_dry_run: z.boolean().default(false).meta({ description: 'Publish a draft that was never tried.' }),
  reason: reasonSchema,
})
export const rollBackSchema = z.strictObject({
  version: z.int().min(1).optional().meta({ description: 'One that was live before; without it the one before the present.' }),
  reason: reasonSchema,
})
export const turnOffSchema = z.strictObject({ reason: reasonSchema })

const figures = {
  uses: z.int().meta({ description: 'By orders that were not cancelled.' }),
  amount: moneySchema.meta({ description: 'What it took off.' }),
}

export const usageSchema = z
  .strictObject({
    ...figures,
    by_version: z.array(z.strictObject({ version: z.int(), ...figures })),
    counted: z.strictObject(figures).meta({ description: 'What counts against the limits: the uses since there are any.' }),
    limits: limitsSchemas(moneySchema),
  })
  .meta({ id: 'PromotionUsage' })

type Written = z.output<typeof newVersionSchema>

/** A version as core takes it. Refuses tiers that begin with another kind of number than they measure. */
export function readVersion({ reason: _reason, actions, limits, ...rest }: Written): PromotionDraft {
  const misplaced = misplacedTiers(actions)
  if (misplaced.length > 0) {
    const detail = 'Tiers by quantity begin at a number of pieces, tiers by amount at an amount.'
    const errors: FieldProblem[] = misplaced.map((pointer) => ({ pointer, code: 'value_type', detail }))
    throw new Refusal('promotion_invalid', { detail, errors })
  }
  return { ...rest, actions: actions.map(readAction), limits: { ...limits, budget: limits.budget?.amount ?? null } }
}

/** Every amount of a version as staff wrote it: they must be in the merchant's currency. */
export function currenciesOf({ actions, limits }: Pick<Written, 'actions' | 'limits'>): { pointer: string; currency: string }[] {
  return [...moneyIn(actions, '/actions'), ...moneyIn(limits, '/limits')]
}

export function presentPromotion(promotion: Promotion): z.input<typeof promotionSchema> {
  return {
    id: promotion.id,
    name: promotion.name,
    trigger: promotion.trigger,
    state: promotion.state,
    latest_version: promotion.latestVersion,
    live_version: promotion.liveVersion,
    rollout_percent: promotion.liveVersion === null ? null : percent(promotion.rolloutPpm),
    base_version: promotion.baseVersion,
    created_at: promotion.createdAt.toISOString(),
    updated_at: promotion.updatedAt.toISOString(),
  }
}

export function presentVersion(version: PromotionVersion, currency: string): z.output<typeof versionSchema> {
  const { document } = version
  const { name, description, trigger, priority, stacking, schedule, limits } = document
  return {
    promotion_id: version.promotionId,
    version: version.version,
    stage: version.stage,
    name,
    description,
    trigger,
    priority,
    stacking,
    conditions: document.conditions as Record<string, unknown> | null,
    actions: document.actions.map((action) => presentAction(action, currency)),
    schedule,
    limits: presentLimits(limits, currency),
    warnings: version.warnings.map(({ pointer, code, detail = '', promotion_ids = [] }) => ({ pointer, code, detail, promotion_ids })),
    author: { ...version.author },
    reason: version.reason,
    created_at: version.createdAt.toISOString(),
    dry_run_at: version.dryRunAt?.toISOString() ?? null,
    first_live_at: version.firstLiveAt?.toISOString() ?? null,
  }
}

export function presentSaved({ promotion, version }: SavedPromotion, currency: string): z.output<typeof savedPromotionSchema> {
  return { ...presentPromotion(promotion), version: presentVersion(version, currency) }
}

export function presentUsage(usage: PromotionUsage): z.output<typeof usageSchema> {
  const told = ({ uses, amount }: { uses: bigint; amount: bigint }) => ({
    uses: Number(uses),
    amount: presentMoney(amount, usage.currency),
  })
  return {
    ...told(usage),
    by_version: usage.byVersion.map((each) => ({ version: each.version, ...told(each) })),
    counted: told(usage.counted),
    limits: presentLimits(usage.limits, usage.currency),
  }
}

/** "12.5" -> 125000, in parts per million. */
export function rolloutPpm(text: string): number {
  return Number(toPpm(text))
}

function presentLimits(limits: PromotionUsage['limits'], currency: string) {
  return { ...limits, budget: limits.budget === null ? null : presentMoney(BigInt(limits.budget), currency) }
}
