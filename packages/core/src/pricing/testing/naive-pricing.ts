import type { RoundingMode } from '../../money.ts'

/**
 * A second way to price a cart, for tests: every piece is a number of its own, every amount an exact fraction until it is
 * rounded, and nothing of the price function's code is used. It knows less: no conditions but a tag, no stacking but `stack`.
 */
export interface NaiveCart {
  lines: NaiveLine[]
  promotions: NaivePromotion[]
  shipping: bigint | null
  policy: NaivePolicy
  /** In parts per million, in charging order. */
  rates: { standard: NaiveRate[]; reduced: NaiveRate[] }
  shippingTax: 'none' | 'standard' | 'weighted'
}

export interface NaiveLine {
  id: string
  price: bigint
  quantity: number
  floor: bigint
  tag: string
  category: 'standard' | 'reduced'
}

export interface NaiveRate {
  code: string
  ppm: bigint
  compound: boolean
}

export interface NaivePolicy {
  included: boolean
  rounding: RoundingMode
  discountRounding: RoundingMode
  per: 'unit' | 'line' | 'order'
  discounts: 'before_tax' | 'after_tax'
}

export type NaivePromotion =
  | { type: 'percentage'; on: 'unit' | 'line' | 'order' | 'shipping' | 'total'; ppm: bigint; tag: string | null }
  | { type: 'fixed'; on: 'unit' | 'line' | 'order' | 'shipping' | 'total'; amount: bigint; tag: string | null }
  | { type: 'set_price'; on: 'unit' | 'line' | 'order' | 'shipping'; amount: bigint; tag: string | null }
  | { type: 'buy_x_get_y'; buy: number; get: number; ppm: bigint }

export interface NaiveResult {
  lines: { id: string; discount: bigint; tax: bigint; total: bigint; pieces: bigint[] }[]
  shipping: { discount: bigint; tax: bigint; total: bigint } | null
  total: bigint
}

interface Piece {
  line: NaiveLine
  amount: bigint
  used: boolean
}

interface Fraction {
  n: bigint
  d: bigint
}

const sum = (amounts: readonly bigint[]) => amounts.reduce((total, amount) => total + amount, 0n)
const plus = (a: Fraction, b: Fraction): Fraction => ({ n: a.n * b.d + b.n * a.d, d: a.d * b.d })
const times = (a: Fraction, b: Fraction): Fraction => ({ n: a.n * b.n, d: a.d * b.d })
const over = (a: Fraction, b: Fraction): Fraction => ({ n: a.n * b.d, d: a.d * b.n })
const whole = (n: bigint): Fraction => ({ n, d: 1n })
const ppmOf = (ppm: bigint): Fraction => ({ n: ppm, d: 1_000_000n })

/** By its words: the two neighbours, and which of them the mode wants. None of the fractions here is negative. */
export function roundNaively({ n, d }: Fraction, mode: RoundingMode): bigint {
  const below = n / d
  const twice = 2n * (n - below * d)
  if (twice === 0n) return below
  const above = below + 1n
  const even = below % 2n === 0n ? below : above
  const nearest = (tie: bigint) => (twice < d ? below : twice > d ? above : tie)
  const wanted: Record<RoundingMode, bigint> = {
    up: above,
    ceiling: above,
    down: below,
    floor: below,
    half_up: nearest(above),
    half_ceiling: nearest(above),
    half_down: nearest(below),
    half_floor: nearest(below),
    half_even: nearest(even),
    half_odd: nearest(even === below ? above : below),
  }
  return wanted[mode]
}

export function priceNaively(cart: NaiveCart): NaiveResult {
  const lines = [...cart.lines].sort((a, b) => (a.id < b.id ? -1 : 1))
  const pieces = lines.flatMap((line) => Array.from({ length: line.quantity }, (): Piece => ({ line, amount: line.price, used: false })))
  const of = (line: NaiveLine) =>
    pieces.filter((piece) => piece.line === line).sort((a, b) => Number(b.amount - a.amount) || Number(a.used) - Number(b.used))
  const round = (fraction: Fraction) => roundNaively(fraction, cart.policy.discountRounding)
  let shipping = cart.shipping

  for (const stage of ['line', 'order', 'shipping']) {
    for (const promotion of cart.promotions) {
      if (stageOf(promotion) !== stage) continue
      if (promotion.type === 'buy_x_get_y') {
        buyXGetY(promotion, pieces, round)
        continue
      }
      const matching = lines.filter((line) => promotion.tag === null || line.tag === promotion.tag)
      const off = (remaining: bigint): bigint => {
        if (promotion.type === 'percentage') return round(times(whole(remaining), ppmOf(promotion.ppm)))
        return promotion.type === 'fixed' ? promotion.amount : remaining - promotion.amount
      }
      if (promotion.on === 'unit') for (const piece of matching.flatMap(of)) take(piece, off(piece.amount))
      if (promotion.on === 'line') for (const line of matching) takeFromLine(of(line), off(worth(of(line))))
      if (promotion.on === 'order') takeFromLines(matching.map(of), off(sum(matching.map((line) => worth(of(line))))))
      if (promotion.on === 'shipping' && shipping !== null && (promotion.tag === null || matching.length > 0)) {
        shipping -= clamp(off(shipping), shipping)
      }
      if (promotion.on === 'total') {
        const takers = [...matching.map(of).map(takerOfLine), { weight: shipping ?? 0n, room: shipping ?? 0n }]
        const parts = share(clamp(off(sum(takers.map(({ weight }) => weight))), sum(takers.map(({ room }) => room))), takers)
        for (const [index, line] of matching.entries()) takeFromLine(of(line), parts[index]!)
        if (shipping !== null) shipping -= parts.at(-1)!
      }
    }
  }
  return withTaxes(cart, lines, { of, shipping })
}

function stageOf(promotion: NaivePromotion): string {
  if (promotion.type === 'buy_x_get_y' || promotion.on === 'unit' || promotion.on === 'line') return 'line'
  return promotion.on === 'order' ? 'order' : 'shipping'
}

function buyXGetY({ buy, get, ppm }: { buy: number; get: number; ppm: bigint }, pieces: Piece[], round: (f: Fraction) => bigint): void {
  const free = pieces.filter((piece) => !piece.used)
  const sets = Math.floor(free.length / (buy + get))
  const cheapest = [...free].sort((a, b) => Number(a.amount - b.amount) || (a.line.id < b.line.id ? -1 : a.line.id > b.line.id ? 1 : 0))
  const given = cheapest.slice(0, sets * get)
  const dearest = [...cheapest.slice(sets * get)].sort(
    (a, b) => Number(b.amount - a.amount) || (a.line.id < b.line.id ? -1 : a.line.id > b.line.id ? 1 : 0),
  )
  for (const piece of [...given, ...dearest.slice(0, sets * buy)]) piece.used = true
  for (const piece of given) take(piece, round(times(whole(piece.amount), ppmOf(ppm))))
}

function roomOf({ line, amount }: Piece): bigint {
  return amount > line.floor ? amount - line.floor : 0n
}

function take(piece: Piece, off: bigint): void {
  piece.amount -= clamp(off, roomOf(piece))
}

function worth(pieces: readonly Piece[]): bigint {
  return sum(pieces.map(({ amount }) => amount))
}

function takerOfLine(pieces: readonly Piece[]) {
  return { weight: worth(pieces), room: sum(pieces.map(roomOf)) }
}

function takeFromLine(pieces: readonly Piece[], off: bigint): void {
  const takers = pieces.map((piece) => ({ weight: piece.amount, room: roomOf(piece) }))
  const parts = share(clamp(off, sum(takers.map(({ room }) => room))), takers)
  for (const [index, piece] of pieces.entries()) piece.amount -= parts[index]!
}

function takeFromLines(lines: readonly Piece[][], off: bigint): void {
  const takers = lines.map(takerOfLine)
  const parts = share(clamp(off, sum(takers.map(({ room }) => room))), takers)
  for (const [index, pieces] of lines.entries()) takeFromLine(pieces, parts[index]!)
}

/** Largest remainder, the earlier first; who has too little room is served first, and the others start again. */
function share(amount: bigint, takers: readonly { weight: bigint; room: bigint }[]): bigint[] {
  const served = new Map<number, bigint>()
  for (;;) {
    const open = takers.map((taker, index) => ({ ...taker, index })).filter(({ index, room }) => !served.has(index) && room > 0n)
    const left = amount - sum([...served.values()])
    const weights = open.map(({ weight }) => weight)
    const tight = left === 0n ? [] : open.filter(({ weight, room }) => left * weight >= room * sum(weights))
    if (tight.length === 0) {
      const parts = left === 0n ? open.map(() => 0n) : largestRemainder(left, weights)
      for (const [place, { index }] of open.entries()) served.set(index, parts[place]!)
      return takers.map((_, index) => served.get(index) ?? 0n)
    }
    for (const { index, room } of tight) served.set(index, room)
  }
}

function largestRemainder(amount: bigint, weights: readonly bigint[]): bigint[] {
  const all = sum(weights)
  const parts = weights.map((weight) => (amount * weight) / all)
  for (let left = amount - sum(parts); left > 0n; left -= 1n) {
    let best = -1
    for (const [index, weight] of weights.entries()) {
      // What is missing to the exact share, if it has not been given its unit yet.
      const missing = amount * weight - parts[index]! * all
      if (missing > 0n && (best === -1 || missing > amount * weights[best]! - parts[best]! * all)) best = index
    }
    parts[best]! += 1n
  }
  return parts
}

function clamp(amount: bigint, most: bigint): bigint {
  if (amount < 0n) return 0n
  return amount > most ? most : amount
}

/** Of each rate, per minor unit without tax. */
function chain(rates: readonly NaiveRate[]): Fraction[] {
  let taxed = whole(1n)
  return rates.map(({ ppm, compound }) => {
    const tax = compound ? times(taxed, ppmOf(ppm)) : ppmOf(ppm)
    taxed = plus(taxed, tax)
    return tax
  })
}

function exactTaxes(amount: bigint, rates: readonly NaiveRate[], included: boolean): Fraction[] {
  const parts = chain(rates)
  const all = parts.reduce(plus, whole(1n))
  return parts.map((part) => times(whole(amount), included ? over(part, all) : part))
}

function withTaxes(
  { policy, rates, shipping: fee, shippingTax }: NaiveCart,
  lines: readonly NaiveLine[],
  { of, shipping }: { of: (line: NaiveLine) => Piece[]; shipping: bigint | null },
): NaiveResult {
  const taxed = (line: NaiveLine) =>
    policy.discounts === 'before_tax' ? of(line).map(({ amount }) => amount) : of(line).map(() => line.price)
  const claims = lines.flatMap((line, index) =>
    rates[line.category].map(({ code }, place) => {
      const exact = (amount: bigint) => exactTaxes(amount, rates[line.category], policy.included)[place]!
      return { code, target: index, exact: exact(sum(taxed(line))), pieces: taxed(line).map(exact) }
    }),
  )
  const sent = shipping === null ? null : policy.discounts === 'before_tax' ? shipping : fee!
  if (sent !== null) for (const claim of shippingClaims(sent)) claims.push({ ...claim, target: -1, pieces: [claim.exact] })

  const taxes = new Map<number, bigint>()
  const charge = (target: number, amount: bigint) => taxes.set(target, (taxes.get(target) ?? 0n) + amount)
  for (const code of new Set(claims.map((claim) => claim.code))) {
    const own = claims.filter((claim) => claim.code === code)
    if (policy.per !== 'order') {
      const rounded = (claim: (typeof own)[number]) => (policy.per === 'unit' ? claim.pieces : [claim.exact])
      for (const claim of own) charge(claim.target, sum(rounded(claim).map((part) => roundNaively(part, policy.rounding))))
      continue
    }
    const exact = own.map((claim) => claim.exact).reduce(plus)
    const amount = roundNaively(exact, policy.rounding)
    const common = own.reduce((product, claim) => product * claim.exact.d, 1n)
    const weights = own.map((claim) => (claim.exact.n * common) / claim.exact.d)
    const parts = sum(weights) === 0n ? own.map(() => 0n) : largestRemainder(amount, weights)
    for (const [index, claim] of own.entries()) charge(claim.target, parts[index]!)
  }
  return collect()

  function shippingClaims(amount: bigint): { code: string; exact: Fraction }[] {
    if (shippingTax === 'none') return []
    if (shippingTax === 'standard') {
      return rates.standard.map(({ code }, place) => ({ code, exact: exactTaxes(amount, rates.standard, policy.included)[place]! }))
    }
    const costs = lines.map((line) => sum(taxed(line)))
    const weights = sum(costs) > 0n ? costs : lines.map((line) => line.price * BigInt(line.quantity))
    if (sum(weights) === 0n) return []
    const byCode = new Map<string, Fraction>()
    for (const [index, line] of lines.entries()) {
      for (const [place, { code }] of rates[line.category].entries()) {
        const part = times({ n: weights[index]!, d: sum(weights) }, exactTaxes(amount, rates[line.category], policy.included)[place]!)
        byCode.set(code, plus(byCode.get(code) ?? whole(0n), part))
      }
    }
    return [...byCode].map(([code, exact]) => ({ code, exact }))
  }

  function collect(): NaiveResult {
    const priced = lines.map((line, index) => {
      const left = worth(of(line))
      const tax = taxes.get(index) ?? 0n
      const total = left + (policy.included ? 0n : tax)
      return { id: line.id, discount: line.price * BigInt(line.quantity) - left, tax, total, pieces: of(line).map(({ amount }) => amount) }
    })
    const tax = taxes.get(-1) ?? 0n
    const sending = shipping === null ? null : { discount: fee! - shipping, tax, total: shipping + (policy.included ? 0n : tax) }
    return { lines: priced, shipping: sending, total: sum(priced.map(({ total }) => total)) + (sending?.total ?? 0n) }
  }
}
