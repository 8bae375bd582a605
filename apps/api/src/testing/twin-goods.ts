// biome-ignore lint/suspicious/noExplicitAny: answers are taken apart by tests
type Done = any

/** A second location, goods that are put together of others, and some on their way to that location. */
export async function addPlaces(
  staff: (url: string, payload: object, headers: Record<string, string>) => Promise<Done>,
  put: (method: 'PUT', url: string, payload: object) => Promise<Done>,
  { name, canary, from }: { name: string; canary: string; from: string },
): Promise<{ location_id: string; bundle_id: string; transfer_id: string; moved_variant_id: string }> {
  const add = (url: string, payload: { handle: string; [field: string]: unknown }) =>
    staff(url, payload, { 'idempotency-key': payload.handle })
  const variants = [{ price: { amount: 100, currency: 'EUR' } }]
  const bundle = await add('/v1/admin/products', { title: `${canary} hamper`, handle: `${name}-hamper`, variants })
  const jars = variants.map((variant) => ({ ...variant, tracked: true, quantity: 10 }))
  const part = await add('/v1/admin/products', { title: `${canary} jar`, handle: `${name}-jar`, variants: jars })
  const [bundleId, partId] = [bundle.variants[0].id as string, part.variants[0].id as string]
  await put('PUT', `/v1/admin/bundles/${bundleId}`, { components: [{ variant_id: partId, quantity: 2 }] })
  const location = await staff('/v1/admin/locations', { name: `${canary} ${name} shelf`, priority: -1 }, {})
  const transfer = await staff(
    '/v1/admin/stock-transfers',
    { from_location_id: from, to_location_id: location.id, lines: [{ variant_id: partId, quantity: 2 }], note: canary },
    { 'idempotency-key': `${name}-transfer` },
  )
  return { location_id: location.id as string, bundle_id: bundleId, transfer_id: transfer.id, moved_variant_id: partId }
}
