/** What the directory knows of a merchant: who it is and where it lives. `epoch` grows with every move. */
export interface MerchantEntry {
  readonly id: string
  readonly slug: string
  readonly status: 'provisioning' | 'active' | 'suspended'
  readonly cell: string
  readonly epoch: bigint
  /** A copy to try things in: nothing that it does reaches anybody outside. */
  readonly sandbox: boolean
}
