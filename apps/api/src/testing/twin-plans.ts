import type { TestApi } from './api.ts'
import type { Values } from './valid-requests.ts'

export const PLAN_BODIES: Record<string, (values: Values) => object> = {
  'PUT /v1/plans/{plan_name}': () => ({ limits: { requests: { per_second: 1, burst: 1 } } }),
  'PUT /v1/merchants/{merchant_id}/plan': () => ({ plan: 'standard' }),
}

/** A plan that no merchant has. */
export async function addPlan({ platformSql }: TestApi, canary: string): Promise<Values> {
  const name = `${canary}-plan`
  await platformSql`insert into platform.plan (name, limits) values (${name}, '{}')`
  return { plan_name: name }
}
