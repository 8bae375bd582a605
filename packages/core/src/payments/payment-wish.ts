/** How somebody wants to pay through a provider: with what its client side gave them, or with a method that was kept. */
export interface PaymentWish {
  provider: string
  token?: string | undefined
  savedMethodId?: string | undefined
  /** Keep the method for the customer's later payments. */
  save?: boolean | undefined
  /** The buyer is not there. */
  offSession?: boolean | undefined
  /** Where the provider sends the buyer back to. */
  returnUrl?: string | undefined
}
