import type { PromotionAction } from '../promotion-document.ts'
import { compileBundle } from './bundle.ts'
import { compileBuyXGetY } from './buy-x-get-y.ts'
import type { ActionSetting, CompiledAction } from './compiled-action.ts'
import { compilePriceAction } from './price-action.ts'
import { compileTiers } from './tiers.ts'

export function compileAction(action: PromotionAction, setting: ActionSetting): CompiledAction {
  switch (action.type) {
    case 'percentage':
    case 'fixed':
    case 'set_price':
      return compilePriceAction(action, setting)
    case 'tiers':
      return compileTiers(action, setting)
    case 'buy_x_get_y':
      return compileBuyXGetY(action, setting)
    case 'bundle':
      return compileBundle(action, setting)
    case 'gift':
      return { kind: 'gift', stage: 'line', variantId: action.variant_id, quantity: BigInt(action.quantity) }
  }
}
