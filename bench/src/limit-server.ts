import fastify from 'fastify'
import postgres from 'postgres'

// What this machine can do at best for a read: bare Fastify and one prepared select of the same columns of the same 20
// products, or of one, with no tenancy, no stock, no validation and no logs. Started by main.ts as a process of its own.
const [url = '', merchantId = '', handle = ''] = process.argv.slice(2)
const sql = postgres(url, { max: 10 })
const app = fastify()

app.get(
  '/list',
  () => sql`
    select id, handle, title, vendor, product_type, price_min, price_max, compare_at_price, image_url, image_alt
    from product where merchant_id = ${merchantId} order by id desc limit 20`,
)
app.get('/one', async () => {
  const [product] = await sql`
    select id, handle, title, body_html, vendor, product_type, tags, option_names
    from product where merchant_id = ${merchantId} and handle = ${handle}`
  return product
})

const address = await app.listen({ host: '127.0.0.1', port: 0 })
process.send?.({ address })
