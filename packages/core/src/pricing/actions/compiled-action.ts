import type { RoundingMode } from '../../money.ts'
import type { Conditions } from '../../rules/conditions.ts'
import type { Cut, WorkingCart, WorkingLine } from '../working-cart.ts'

/** What an action would take off, before any limit. */
export interface Plan {
  cuts: Cut[]
  shipping: bigint
}

export type Stage = 'line' | 'order' | 'shipping'

/** Which lines an action's conditions on lines let through, in their order. */
export type MatchLines = (lines: readonly WorkingLine[]) => WorkingLine[]

/** An action made ready: in its stage, it plans on the lines that the promotion may touch. It changes nothing itself. */
export interface DiscountAction {
  kind: 'discount'
  stage: Stage
  plan(lines: readonly WorkingLine[], cart: WorkingCart): Plan
}

export interface GiftAction {
  kind: 'gift'
  stage: 'line'
  variantId: string
  quantity: bigint
}

export type CompiledAction = DiscountAction | GiftAction

/** What compiling an action needs to know of its surroundings. */
export interface ActionSetting {
  rounding: RoundingMode
  /** Conditions on lines, made ready; null matches every line. */
  matching(where: Conditions | null): MatchLines
}

export const NO_PLAN: Plan = { cuts: [], shipping: 0n }
