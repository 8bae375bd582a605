// biome-ignore lint/suspicious/noExplicitAny: answers are taken apart by tests
type Done = any

/** A second location, and goods that are put together of others. */
export async function addPlaces(
  staff: (url: string, payload: object, headers: Record<string, string>) => Promise<Done>,
  put: (method: 'PUT', url: string, payload: object) => Promise<Done>,
  { name, canary }: { name: string; canary: string },
): Promise<{ location_id: string; bundle_id: string }> {
  const add = (url: string, payload: { handle: string; [field: string]: unknown }) =>
    staff(url, payload, { 'idempotency-key': payload.handle })
  const variants = [{ price: { amount: 100, currency: 'EUR' } }]
  const bundle = await add('/v1/admin/products', { title: `${canary} hamper`, handle: `${name}-hamper`, variants })
  const part = await add('/v1/admin/products', { title: `${canary} jar`, handle: `${name}-jar`, variants })
  const [bundleId, partId] = [bundle.variants[0].id as string, part.variants[0].id as string]
  await put('PUT', `/v1/admin/bundles/${bundleId}`, { components: [{ variant_id: partId, quantity: 2 }] })
  const location = await staff('/v1/admin/locations', { name: `${canary} ${name} shelf`, priority: -1 }, {})
  return { location_id: location.id as string, bundle_id: bundleId }
}
