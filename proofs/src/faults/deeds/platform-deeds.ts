import { type Deed, hold, type Stage } from './stage.ts'

interface Work {
  id: string
  kind: string
  state: string
  merchant_id: string
}

const OWNER = { email: 'owner@shop.example', name: 'Owner', password: 'proof of the shop' }

/** What admins of the platform do with merchants. */
export const PLATFORM_DEEDS: readonly Deed[] = [
  {
    name: 'a merchant: made, given a domain and a plan, suspended, copied, exported and erased',
    act: async (stage) => {
      stage.begin()
      const slug = stage.name
      const made = await stage.admin<{ merchant: { id: string } }>('POST', '/merchants', { body: newMerchant(slug) })
      const { id } = made.merchant
      const host = `${slug}.example.com`
      await stage.admin('POST', `/merchants/${id}/domains`, { body: { host }, also: [409] })
      await stage.admin('POST', `/merchants/${id}/domains/${host}/verify`, { also: [409, 422] })
      await stage.admin('PUT', `/merchants/${id}/plan`, { body: { plan: 'standard' } })
      await stage.admin('PATCH', `/merchants/${id}`, { body: { status: 'suspended' }, also: [409] })
      await stage.admin('PATCH', `/merchants/${id}`, { body: { status: 'active' }, also: [409] })
      await workedOff(stage, id, 'export', `/merchants/${id}/exports`, undefined)
      await workedOff(stage, undefined, 'sandbox', `/merchants/${id}/sandboxes`, { slug: `${slug}-copy` })
      await workedOff(stage, id, 'erasure', `/merchants/${id}/erasure`, { slug, reason: 'a trial', archives: 'erase' })
      const rows = await stage.world.house.query<{ left: number }>`select count(*)::int as left from location where merchant_id = ${id}`
      hold(rows[0]!.left === 0, 'rows of the merchant are left', rows)
    },
  },
]

/** Asked for, and done by a worker. Whoever asks again while it is being done is told so. */
async function workedOff(
  stage: Stage,
  merchantId: string | undefined,
  kind: string,
  path: string,
  body: object | undefined,
): Promise<void> {
  const before = new Set((await works(stage)).map(({ id }) => id))
  await stage.admin('POST', path, { ...(body && { body }), also: [404, 409] })
  const isOurs = (work: Work) => !before.has(work.id) && work.kind === kind && (merchantId === undefined || work.merchant_id === merchantId)
  const done = await stage.becomes(
    async () => (await works(stage)).filter(isOurs),
    (ours) => ours.length > 0 && ours.every(({ state }) => state === 'done' || state === 'failed'),
  )
  hold(
    done.every(({ state }) => state === 'done'),
    `the ${kind} has failed`,
    done,
  )
}

async function works(stage: Stage): Promise<Work[]> {
  return (await stage.admin<{ data: Work[] }>('GET', '/merchant-works?limit=20')).data
}

function newMerchant(slug: string): object {
  const place = { currency: 'EUR', country: 'DE', prices_include_tax: true, tax_rate_percent: '19' }
  return { slug, name: slug, ...place, shipping: { name: 'Parcel', amount_minor: 490 }, contact_email: OWNER.email, staff: OWNER }
}
