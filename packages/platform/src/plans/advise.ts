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
  /** Within those days: its figures say little yet about where it lives now. */
  movedLately: boolean
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
  /** What one merchant uses a day at the least to be worth a cell of its own: a tenth of one connection's day. */
  outgrownMsPerDay: number
  /** The part of a shared cell's time from which one merchant has outgrown it. Of an emptier one than the others, of what they have on average. */
  outgrownShare: number
  /** How many times as much the fullest shared cell may have as the emptiest. */
  unevenTimes: number
}

const DAY_MS = 86_400_000
const SETTINGS: AdviceSettings = { quietMsPerDay: DAY_MS / 20, outgrownMsPerDay: DAY_MS / 10, outgrownShare: 0.5, unevenTimes: 2 }
/** Who takes this part of what the best one takes off the difference between two cells is as good: the one with the fewest rows is moved. */
const AS_GOOD = 0.8

/**
 * Which merchants to move where, and why: first those of cells that are being drained, then those that have outgrown their
 * neighbours, then one that makes the shared cells more even. Each proposal counts with those before it as carried out.
 */
export function advise(
  looked: { cells: readonly AdvisedCell[]; merchants: readonly MerchantLoad[]; days: number },
  settings: AdviceSettings = SETTINGS,
): MoveAdvice[] {
  const plan = new Housing(looked.cells, looked.merchants, looked.days, settings)
  for (const cell of looked.cells.filter(({ status }) => status === 'draining')) plan.empty(cell)
  for (const { name } of plan.sharedCells()) plan.findOutgrown(name)
  plan.level()
  return plan.advice
}

/** Who lives where, as proposals change it. */
class Housing {
  readonly advice: MoveAdvice[] = []
  readonly #cells: readonly AdvisedCell[]
  readonly #merchants: MerchantLoad[]
  readonly #days: number
  readonly #settings: AdviceSettings

  constructor(cells: readonly AdvisedCell[], merchants: readonly MerchantLoad[], days: number, settings: AdviceSettings) {
    this.#cells = [...cells].sort((a, b) => (a.name < b.name ? -1 : 1))
    // The busiest first; equals in an order that is the same each time.
    this.#merchants = merchants
      .map((merchant) => ({ ...merchant }))
      .sort((a, b) => b.databaseMs - a.databaseMs || (a.merchantId < b.merchantId ? -1 : 1))
    this.#days = days
    this.#settings = settings
  }

  sharedCells(): AdvisedCell[] {
    return this.#cells.filter(({ kind, status }) => kind === 'shared' && status === 'open')
  }

  /** A cell of its own for who had one and for who would outgrow a shared one; for others, and where none is free, the emptiest shared one. */
  empty({ name, kind }: AdvisedCell): void {
    for (const merchant of this.#livingIn(name)) {
      const shared = this.#emptiest()
      const alone = kind === 'dedicated' || (shared !== undefined && this.#outgrows(merchant, shared.name)) ? this.#free() : undefined
      this.#move(merchant, (alone ?? shared)?.name ?? null, 'cell_draining')
    }
  }

  findOutgrown(cell: string): void {
    const [busiest, ...others] = this.#livingIn(cell)
    // One that has no neighbours disturbs nobody, and nobody moves twice.
    if (!busiest || this.#isAdvised(busiest) || others.length === 0 || !this.#outgrows(busiest, cell)) return
    this.#move(busiest, this.#free()?.name ?? null, 'outgrown')
  }

  /** Proposes the one merchant whose move makes the fullest and the emptiest shared cell the most alike; of those nearly as good the one with the fewest rows. */
  level(): void {
    const { quietMsPerDay, unevenTimes } = this.#settings
    const cells = this.sharedCells().sort((a, b) => this.#load(a.name) - this.#load(b.name))
    const [emptiest, fullest] = [cells[0], cells.at(-1)]
    if (!emptiest || !fullest || emptiest === fullest) return
    const [least, most] = [this.#load(emptiest.name), this.#load(fullest.name)]
    if (most < this.#days * quietMsPerDay || most <= unevenTimes * least) return
    const candidates = this.#livingIn(fullest.name)
      .filter((merchant) => !this.#isAdvised(merchant) && !merchant.movedLately)
      .filter((merchant) => merchant.databaseMs > 0 && merchant.databaseMs < most - least && !this.#goesOn(merchant, emptiest.name))
    const half = (most - least) / 2
    const gain = ({ databaseMs }: MerchantLoad) => half - Math.abs(half - databaseMs)
    const best = Math.max(...candidates.map(gain))
    const [chosen] = candidates
      .filter((merchant) => gain(merchant) >= AS_GOOD * best)
      .sort((a, b) => (a.rowsStored ?? Number.MAX_VALUE) - (b.rowsStored ?? Number.MAX_VALUE) || gain(b) - gain(a))
    if (chosen) this.#move(chosen, emptiest.name, 'uneven')
  }

  /** It would be told to leave the cell to which it came. */
  #goesOn(merchant: MerchantLoad, cell: string): boolean {
    return this.#free() !== undefined && this.#outgrows(merchant, cell)
  }

  #outgrows(merchant: MerchantLoad, cell: string): boolean {
    const { outgrownMsPerDay, outgrownShare } = this.#settings
    const { databaseMs } = merchant
    const there = this.#load(cell) + (merchant.cell === cell ? 0 : databaseMs)
    return databaseMs >= this.#days * outgrownMsPerDay && databaseMs >= outgrownShare * Math.max(there, this.#averageShared())
  }

  /** What each shared cell would have if all had the same. */
  #averageShared(): number {
    const shared = this.#cells.filter(({ kind }) => kind === 'shared').map(({ name }) => this.#load(name))
    return shared.reduce((sum, load) => sum + load, 0) / this.sharedCells().length
  }

  #free(): AdvisedCell | undefined {
    return this.#cells.find(({ name, kind, status }) => kind === 'dedicated' && status === 'open' && this.#livingIn(name).length === 0)
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
