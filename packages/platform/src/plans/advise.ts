/** A cell as the advisor looks at it. */
export interface AdvisedCell {
  name: string
  kind: 'shared' | 'dedicated'
  status: 'open' | 'draining' | 'retired'
}

/** What a merchant used in the days that are looked at. */
export interface MerchantLoad {
  merchantId: string
  slug: string
  cell: string
  databaseMs: number
  /** As last counted. */
  rowsStored: number | null
}

export interface MoveAdvice {
  merchantId: string
  slug: string
  fromCell: string
  /** Null: there is no cell to take it; one has to be registered first. */
  toCell: string | null
  reason: 'cell_draining' | 'outgrown' | 'uneven'
  /** What a move would copy, as last counted. */
  rowsStored: number | null
  /** Of the database time of its cell, the part that is this merchant's: 0 to 1. */
  shareOfCell: number
}

export interface AdviceSettings {
  /** Database time a day, all transactions of a cell together, below which nobody has to move: a twentieth of one connection's day. */
  quietMsPerDay: number
  /** The part of a busy shared cell's time from which one merchant has outgrown it. */
  outgrownShare: number
  /** How many times as much the fullest shared cell may have as the emptiest. */
  unevenTimes: number
}

const DAY_MS = 86_400_000
const SETTINGS: AdviceSettings = { quietMsPerDay: DAY_MS / 20, outgrownShare: 0.5, unevenTimes: 2 }

/**
 * Which merchants to move where, and why: first those of cells that are being drained, then those that have outgrown their
 * neighbours, then one that makes the shared cells more even. Each proposal counts with those before it as carried out.
 */
export function advise(
  looked: { cells: readonly AdvisedCell[]; merchants: readonly MerchantLoad[]; days: number },
  settings: AdviceSettings = SETTINGS,
): MoveAdvice[] {
  const plan = new Housing(looked.cells, looked.merchants, looked.days * settings.quietMsPerDay)
  for (const { name } of looked.cells.filter(({ status }) => status === 'draining')) plan.empty(name)
  for (const { name } of plan.sharedCells()) plan.findOutgrown(name, settings.outgrownShare)
  plan.level(settings.unevenTimes)
  return plan.advice
}

/** Who lives where, as proposals change it. */
class Housing {
  readonly advice: MoveAdvice[] = []
  readonly #cells: readonly AdvisedCell[]
  readonly #merchants: MerchantLoad[]
  readonly #quietMs: number

  constructor(cells: readonly AdvisedCell[], merchants: readonly MerchantLoad[], quietMs: number) {
    this.#cells = [...cells].sort((a, b) => (a.name < b.name ? -1 : 1))
    // The busiest first; equals in an order that is the same each time.
    this.#merchants = merchants
      .map((merchant) => ({ ...merchant }))
      .sort((a, b) => b.databaseMs - a.databaseMs || (a.merchantId < b.merchantId ? -1 : 1))
    this.#quietMs = quietMs
  }

  sharedCells(): AdvisedCell[] {
    return this.#cells.filter(({ kind, status }) => kind === 'shared' && status === 'open')
  }

  empty(cell: string): void {
    for (const merchant of this.#livingIn(cell)) this.#move(merchant, this.#emptiest()?.name ?? null, 'cell_draining')
  }

  findOutgrown(cell: string, share: number): void {
    const [busiest, ...others] = this.#livingIn(cell)
    const total = this.#load(cell)
    // One that has no neighbours disturbs nobody, and nobody moves twice.
    if (!busiest || this.#isAdvised(busiest) || others.length === 0 || total < this.#quietMs || busiest.databaseMs / total < share) return
    const free = this.#cells.find(
      ({ name, kind, status }) => kind === 'dedicated' && status === 'open' && this.#livingIn(name).length === 0,
    )
    this.#move(busiest, free?.name ?? null, 'outgrown')
  }

  /** Proposes the one merchant whose move makes the fullest and the emptiest shared cell the most alike; of equals the one with fewer rows. */
  level(times: number): void {
    const cells = this.sharedCells().sort((a, b) => this.#load(a.name) - this.#load(b.name))
    const [emptiest, fullest] = [cells[0], cells.at(-1)]
    if (!emptiest || !fullest || emptiest === fullest) return
    const difference = this.#load(fullest.name) - this.#load(emptiest.name)
    if (this.#load(fullest.name) < this.#quietMs || this.#load(fullest.name) <= times * this.#load(emptiest.name)) return
    const best = this.#livingIn(fullest.name)
      .filter((merchant) => !this.#isAdvised(merchant) && merchant.databaseMs > 0 && merchant.databaseMs < difference)
      .sort(
        (a, b) =>
          Math.abs(difference / 2 - a.databaseMs) - Math.abs(difference / 2 - b.databaseMs) || (a.rowsStored ?? 0) - (b.rowsStored ?? 0),
      )[0]
    if (best) this.#move(best, emptiest.name, 'uneven')
  }

  #isAdvised({ merchantId }: MerchantLoad): boolean {
    return this.advice.some((move) => move.merchantId === merchantId)
  }

  #livingIn(cell: string): MerchantLoad[] {
    return this.#merchants.filter((merchant) => merchant.cell === cell)
  }

  #load(cell: string): number {
    return this.#livingIn(cell).reduce((sum, { databaseMs }) => sum + databaseMs, 0)
  }

  #emptiest(): AdvisedCell | undefined {
    return this.sharedCells().sort((a, b) => this.#load(a.name) - this.#load(b.name))[0]
  }

  #move(merchant: MerchantLoad, toCell: string | null, reason: MoveAdvice['reason']): void {
    const { merchantId, slug, cell: fromCell, databaseMs, rowsStored } = merchant
    const total = this.#load(fromCell)
    const shareOfCell = total === 0 ? 0 : Math.round((databaseMs / total) * 1_000) / 1_000
    this.advice.push({ merchantId, slug, fromCell, toCell, reason, rowsStored, shareOfCell })
    if (toCell !== null) merchant.cell = toCell
  }
}
