export type AccountKind = 'asset' | 'liability' | 'income' | 'expense' | 'equity'

export interface AccountOwner {
  type: 'customer' | 'gift_card'
  id: string
}

/** One account of a merchant, in each currency that it is used in. docs/ledger.md says what is booked where. */
export interface Account {
  code: string
  kind: AccountKind
  /** Whose money it is; null for the merchant's own. What is somebody's can never be overdrawn. */
  owner: AccountOwner | null
}

const own = (code: string, kind: AccountKind): Account => ({ code, kind, owner: null })

/** What goods and shipping brought in, without tax. */
export const SALES = own('sales', 'income')
/** What of it was given back; it is read against the sales. */
export const REFUNDS = own('refunds', 'income')
/** Tax that was taken and is owed on. */
export const TAX_PAYABLE = own('tax_payable', 'liability')
/** What a provider keeps back while a buyer disputes a payment. */
export const DISPUTES = own('disputes', 'asset')
export const DISPUTE_LOSSES = own('dispute_losses', 'expense')
export const PROVIDER_FEES = own('provider_fees', 'expense')
/** What store credit that was granted cost the merchant. */
export const STORE_CREDIT_ISSUED = own('store_credit_issued', 'expense')
/** What gift cards that were issued are worth; what was taken for them outside of the shop is booked against it. */
export const GIFT_CARDS_ISSUED = own('gift_cards_issued', 'expense')

/** What a provider has taken for the merchant and not paid back; of `manual`, what came in by hand. */
export function clearing(provider: string): Account {
  return own(`clearing:${provider}`, 'asset')
}

/** What a customer may spend. */
export function storeCredit(customerId: string): Account {
  return { code: `store_credit:${customerId}`, kind: 'liability', owner: { type: 'customer', id: customerId } }
}

/** What is left on a gift card. */
export function giftCard(giftCardId: string): Account {
  return { code: `gift_card:${giftCardId}`, kind: 'liability', owner: { type: 'gift_card', id: giftCardId } }
}
