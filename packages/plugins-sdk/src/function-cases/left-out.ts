/** Cases whose extension point does not exist here, by id, with what a merchant of this platform has instead. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  'shopify-fn-s-001':
    'Validates a cart. There is no validation point: limits of quantity belong to the variant, and carts refuse by the rules of the shop.',
  'shopify-fn-s-002': 'Validates a cart; see 001.',
  'shopify-fn-s-003':
    'Transforms a cart (merges, expands, renames lines). Lines of a cart are the buyer’s choice here, and no plugin changes them.',
  'shopify-fn-s-004': 'Renames, hides and sorts delivery options. The merchant’s shipping methods have conditions and names of their own.',
  'shopify-fn-s-005': 'Hides payment methods. There is no payment point for plugins.',
  'shopify-fn-s-015': 'Says which lines must leave from one location. There is no point for the choice of locations.',
  'shopify-fn-s-016':
    'Offers pickup at the merchant’s stock locations. A fulfillment plugin here offers rates with pickup points that it knows; it is not told of stock locations.',
  'shopify-fn-s-017': 'Ranks locations for an order. There is no point for the choice of locations.',
  'shopify-fn-s-018': 'Transforms a cart; see 003.',
  'shopify-fn-s-019': 'Transforms a cart; see 003.',
  'shopify-fn-s-020': 'Expands a bundle into its parts. Bundles are a kind of promotion here.',
  'shopify-fn-s-021': 'Renames delivery options; see 004.',
  'shopify-fn-s-022': 'Renames delivery options; see 004.',
  'shopify-fn-s-023': 'Renames delivery options; see 004.',
  'shopify-fn-s-027': 'Transforms a cart; see 003.',
  'shopify-fn-s-028': 'Transforms a cart; see 003.',
  'shopify-fn-s-029': 'Changes the title and the price of a line; see 003.',
}
