import { CONTRACTS, type Contract, type ContractId } from './contract.ts'

/** For so long before its sunset a contract takes nothing new; what is installed runs until the day itself. */
export const CLOSED_DAYS = 90

const DAY_MS = 86_400_000

export interface SunsetNotice {
  contract: ContractId
  /** An ISO date: the first day on which it is no longer served. */
  sunset: string
  /** Nothing new is pushed for it any more. */
  closed: boolean
  /** In words, for an author and for a merchant. */
  text: string
}

/** What is to be said of contracts that will end. Empty: none of them will. */
export function sunsetNotices(
  ids: readonly ContractId[],
  now: Date,
  contracts: Record<string, Pick<Contract, 'sunset'>> = CONTRACTS,
): SunsetNotice[] {
  return ids.flatMap((contract) => {
    const { sunset } = contracts[contract]!
    if (sunset === null) return []
    const closed = now.getTime() >= Date.parse(sunset) - CLOSED_DAYS * DAY_MS
    const text = `${contract} is served until ${sunset}${closed ? '; nothing new is taken for it' : ''}. Write for its next major: docs/plugins/contracts.md.`
    return [{ contract, sunset, closed, text }]
  })
}
