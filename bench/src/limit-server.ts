import fastify from 'fastify'
import postgres from 'postgres'

// What this machine can do at best for a read: bare Fastify and one prepared select of the same 20 rows, or of one row,
// with no tenancy, no validation and no logs. Started by main.ts as a process of its own.
const [url = '', merchantId = '', handle = ''] = process.argv.slice(2)
const sql = postgres(url, { max: 10 })
const app = fastify()

app.get(
  '/list',
  () => sql`select id, handle, title, vendor, product_type from product where merchant_id = ${merchantId} order by id desc limit 20`,
)
app.get(
  '/one',
  async () =>
    (
      await sql`select id, handle, title, vendor, product_type, body_html from product where merchant_id = ${merchantId} and handle = ${handle}`
    )[0],
)

const address = await app.listen({ host: '127.0.0.1', port: 0 })
process.send?.({ address })
