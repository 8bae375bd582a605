// biome-ignore lint/suspicious/noExplicitAny: answers are taken apart by tests
type Done = any
type Staff = (method: 'POST' | 'PUT', url: string, payload: object, headers?: Record<string, string>) => Promise<Done>

/** What staff did to an order after it was placed, and an order that they draft. */
export async function addOrderChanges(
  staff: Staff,
  { order, variantId, name, canary, key }: { order: Done; variantId: string; name: string; canary: string; key: string },
): Promise<{ draft_id: string; edited_line_id: string; tag: string }> {
  const url = `/v1/admin/orders/${order.id}`
  await staff('PUT', `${url}/tags`, { tags: [name, canary] })
  await staff('POST', `${url}/notes`, { body: `${canary} calls before nine` })
  const edit = { lines: [{ line_id: order.lines[0].id, quantity: 2 }], reason: `${canary} by phone` }
  await staff('POST', `${url}/edits`, edit, { 'idempotency-key': `${key}-edit` })
  const discount = { amount: { amount: 1, currency: 'EUR' }, reason: `${canary} waited` }
  const draft = await staff('POST', '/v1/admin/draft-orders', {
    lines: [{ variant_id: variantId, quantity: 1 }],
    email: `${canary}@drafted.example`,
    discount,
  })
  return { draft_id: draft.id, edited_line_id: order.lines[0].id, tag: name }
}
