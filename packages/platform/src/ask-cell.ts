import postgres from 'postgres'

const CONNECT_TIMEOUT_S = 5

/** Asks a database over a connection of its own, which is closed afterwards. For looking at cells, in service or not: nothing is changed. */
export async function askCell<Answer>(url: string, work: (sql: postgres.Sql) => Promise<Answer>): Promise<Answer> {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_S,
    onnotice: () => {},
    connection: { application_name: 'souk-check' },
  })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: CONNECT_TIMEOUT_S })
  }
}
