import type { DiscountOperationV1 } from '../contracts/discount.ts'
import { type SampleLine, sampleInput } from '../kit/sample-input.ts'

/** A case of another platform: what one of its functions was given, and what its test says of the result. */
export interface FunctionCase {
  id: string
  title: string
  function: string
  input: ForeignInput
  expected: { at: string; matcher: string; value: unknown }[]
}

interface ForeignLine {
  id?: string
  quantity?: number
  cost?: { subtotalAmount: { amount: number } }
  merchandise?: { id: string }
}

interface ForeignInput {
  cart?: { lines?: ForeignLine[]; deliveryGroups?: { id: string }[] }
  discount?: { discountClasses: string[] }
  discountNode?: { metafield: { value: string } | null }
  shop?: { metafield: { value: string } | null }
}

interface ForeignDiscount {
  message?: string
  targets: { productVariant?: { id: string }; cartLine?: { id: string }; orderSubtotal?: object; deliveryGroup?: object }[]
  value: { percentage: { value: number | string } }
}

const SHIPPING_AMOUNT = 500
const MINOR_UNITS = 100

/** The case's cart as discount@1 tells it: amounts in minor units, a delivery group as chosen shipping, lines named if they were not. */
export function inputOf({ input }: FunctionCase): Record<string, unknown> {
  const lines = (input.cart?.lines ?? []).map((line, index): SampleLine => {
    const quantity = line.quantity ?? 1
    const subtotal = (line.cost?.subtotalAmount.amount ?? 10) * MINOR_UNITS
    return {
      id: lineIdOf(line, index),
      quantity,
      unit_price: subtotal / quantity,
      variant_id: line.merchandise?.id ?? `variant_${index + 1}`,
    }
  })
  return sampleInput('discount@2', 'run', {
    lines: lines.map(({ subtotal: _computed, ...line }) => ({ ...line, unit_price: Math.round(line.unit_price ?? 0) })),
    shipping: input.cart?.deliveryGroups === undefined ? null : { method: 'standard', amount: SHIPPING_AMOUNT },
  })
}

/** What the merchant set: the classes of a discount, or a metafield that holds JSON. */
export function configurationOf({ input }: FunctionCase): Record<string, unknown> {
  if (input.discount !== undefined) return { classes: input.discount.discountClasses }
  const { metafield } = input.discountNode ?? input.shop ?? { metafield: null }
  if (metafield === null) return {}
  const { percentage, ...others } = JSON.parse(metafield.value) as { percentage?: number }
  return { ...others, ...(percentage !== undefined && { percent: String(percentage) }) }
}

/** The operations that a discount of the other platform comes to here, in the order of its targets. */
export function operationsOf(discount: ForeignDiscount, { input }: FunctionCase): Partial<DiscountOperationV1>[] {
  const value = { percentage: String(discount.value.percentage.value) }
  const words = discount.message === undefined ? {} : { message: discount.message }
  return discount.targets.map((target) => {
    if (target.orderSubtotal !== undefined) return { type: 'order', value, ...words }
    if (target.deliveryGroup !== undefined) return { type: 'shipping', value, ...words }
    const lines = input.cart?.lines ?? []
    const at = lines.findIndex(
      ({ id, merchandise }) => id === (target.cartLine?.id ?? null) || merchandise?.id === target.productVariant?.id,
    )
    return { type: 'line', line_id: lineIdOf(lines[at]!, at), value, ...words }
  })
}

/** Every discount that the expectations name, wherever its platform puts it. */
export function discountsIn(value: unknown): ForeignDiscount[] {
  if (Array.isArray(value)) return value.flatMap(discountsIn)
  if (typeof value !== 'object' || value === null) return []
  return 'targets' in value && 'value' in value ? [value as ForeignDiscount] : Object.values(value).flatMap(discountsIn)
}

/** How many discounts a case says there are, where it says so. */
export function countIn({ expected }: FunctionCase): number | undefined {
  const said = expected.find(({ matcher, at }) => matcher === 'toHaveLength' || at.endsWith('.length'))
  return said?.value as number | undefined
}

function lineIdOf({ id }: ForeignLine, index: number): string {
  return id ?? `line_${index + 1}`
}
