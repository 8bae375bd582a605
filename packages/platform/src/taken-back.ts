import type { PlatformSql } from './platform-sql.ts'

type Change = Parameters<Parameters<PlatformSql['begin']>[1]>[0]

/** What the directory did is taken back: it was only to be seen what would come of it. */
class TakenBack extends Error {}

/** Changes the directory in one transaction. With `dryRun` everything is done and taken back, and the answer is the same. */
export async function changeOrTry<Result>(sql: PlatformSql, dryRun: boolean, change: (sql: Change) => Promise<Result>): Promise<Result> {
  let result: Result | undefined
  try {
    await sql.begin(async (transaction) => {
      result = await change(transaction)
      if (dryRun) throw new TakenBack()
    })
  } catch (error) {
    if (!(error instanceof TakenBack)) throw error
  }
  return result!
}
