/** A rule of another platform that we chose against, and the cases whose numbers hang on it. */
export interface LeftOut {
  /** What its origin does. */
  origin: string
  /** What we do instead, and why. */
  ours: string
  cases: readonly string[]
}

/** Every case that we do not meet. The test holds the list to the truth: a case in it that we do meet is an error. */
export const LEFT_OUT: readonly LeftOut[] = [
  {
    origin: 'Shares of an amount, taxes and refunds are kept in fractions of a minor unit.',
    ours: 'Every amount is a whole number of minor units from the moment it is computed, so that what is shown is what adds up.',
    cases: ['medusa-s-055', 'money-s-070', 'money-s-071', 'solidus-s-074'],
  },
  {
    origin: 'A price may be given in fractions of a minor unit.',
    ours: 'A price is an amount that can be charged: whole minor units of its currency.',
    cases: ['medusa-s-050', 'solidus-s-008', 'solidus-s-063', 'solidus-s-064'],
  },
  {
    origin: 'In one cart some prices, rates, shipping fees or surcharges include tax and others do not.',
    ours: 'A shop declares once whether its prices include tax. It is stored with the order, and a buyer need not guess.',
    cases: ['medusa-s-054', 'medusa-s-057', 'sylius-s-134', 'sylius-s-135', 'vendure-s-045'],
  },
  {
    origin: 'A cart is sent by several shipping methods at once.',
    ours: 'A cart is sent by one method.',
    cases: ['vendure-s-006'],
  },
  {
    origin: 'Sharing an amount by weights that are all zero is an error.',
    ours: 'The shares are equal, as in Vendure: a discount on goods that cost nothing needs a place.',
    cases: ['money-s-077'],
  },
  {
    origin: 'What is left over when a discount is shared goes to the first line.',
    ours: 'It goes to the largest remainders: no share is a whole minor unit away from its ideal.',
    cases: ['solidus-s-030'],
  },
  {
    origin: 'A discount on an order is shared by the prices with tax, also where prices are without.',
    ours: 'It is shared by the prices as the shop states them.',
    cases: ['vendure-s-035'],
  },
  {
    origin: 'A second promotion on the first pieces of a line counts the whole discount of the line so far as theirs.',
    ours: 'Each piece keeps its own discounts; a promotion takes its part of what is left of the pieces it reaches.',
    cases: ['medusa-s-002'],
  },
  {
    origin: 'Of pieces that cost the same, those of later lines count as bought first.',
    ours: 'The lines are gone through in their order.',
    cases: ['medusa-s-048'],
  },
  {
    origin: 'The reduction shown beside a product leaves out its part of a discount on the order, where both are there.',
    ours: 'It is what the line was reduced by in all; the explanation says by which promotion. Totals and discounts agree.',
    cases: ['sylius-s-179', 'sylius-s-181'],
  },
  {
    origin: 'A coupon can be declared to stay used when its order is cancelled.',
    ours: 'A cancelled order gives back every use and every part of a budget.',
    cases: ['sylius-s-097'],
  },
  {
    origin: 'A product has a price for each sales channel.',
    ours: 'A variant has one price; a channel is a fact that promotions may ask for.',
    cases: ['sylius-s-166', 'sylius-s-167'],
  },
  {
    origin: 'Goods sent to a member state of the EU for which nobody entered a rate are sold free of tax.',
    ours: 'They are taxed as at home: between member states something is always due, and a missing rate must not make a sale tax free.',
    cases: ['solidus-s-021'],
  },
  {
    origin: 'Goods that come back in exchange for others are refunded with nothing.',
    ours: 'A return is refunded and a replacement is an order: there is no exchange between them.',
    cases: ['solidus-s-076'],
  },
]
