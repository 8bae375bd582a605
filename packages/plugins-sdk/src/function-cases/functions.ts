/** The functions of the cases as plugins of discount@1, written for this contract: what each does in its own platform's words is in its case. */
export interface FunctionPlugin {
  configuration: object
  hooks: string
}

const CLASSES = {
  type: 'object',
  properties: { classes: { type: 'array', items: { type: 'string', enum: ['ORDER', 'PRODUCT', 'SHIPPING'] }, default: [] } },
}

// What their authors left unwritten ("no discounts without configuration") is written here as the plainest plugin that does it.
const PERCENT_WHEN_SET = { type: 'object', properties: { percent: { type: 'string', format: 'percentage' } } }

export const FUNCTIONS: Readonly<Record<string, FunctionPlugin>> = {
  // A tenth off the order, a fifth off the dearest line, free delivery: each when the merchant gave the discount that class.
  discount: {
    configuration: CLASSES,
    hooks: `{ 'discount@1': { run({ lines, subtotal }, { classes }) {
      const operations = []
      if (classes.includes('ORDER') && subtotal > 0) operations.push({ type: 'order', value: { percentage: '10' }, message: '10% OFF ORDER' })
      if (classes.includes('PRODUCT') && lines.length > 0) {
        const dearest = lines.reduce((one, other) => (other.subtotal > one.subtotal ? other : one))
        operations.push({ type: 'line', line_id: dearest.id, value: { percentage: '20' }, message: '20% OFF PRODUCT' })
      }
      if (classes.includes('SHIPPING')) operations.push({ type: 'shipping', value: { percentage: '100' }, message: 'FREE DELIVERY' })
      return { operations }
    } } }`,
  },
  'discounts-allocator': {
    configuration: PERCENT_WHEN_SET,
    hooks: `{ 'discount@1': { run({ lines }, { percent }) {
      if (percent === undefined) return { operations: [] }
      return { operations: lines.map(({ id }) => ({ type: 'line', line_id: id, value: { percentage: percent }, message: 'Allocated' })) }
    } } }`,
  },
  'order-discounts': {
    configuration: PERCENT_WHEN_SET,
    hooks: `{ 'discount@1': { run(_cart, { percent }) {
      return { operations: percent === undefined ? [] : [{ type: 'order', value: { percentage: percent }, message: 'Off the order' }] }
    } } }`,
  },
  'shipping-discounts': {
    configuration: PERCENT_WHEN_SET,
    hooks: `{ 'discount@1': { run(_cart, { percent }) {
      return { operations: percent === undefined ? [] : [{ type: 'shipping', value: { percentage: percent }, message: 'Off delivery' }] }
    } } }`,
  },
  // A percentage off every line of at least so many units.
  'product-discount-js': {
    configuration: {
      type: 'object',
      properties: { quantity: { type: 'integer', minimum: 1 }, percent: { type: 'string', format: 'percentage' } },
    },
    hooks: `{ 'discount@1': { run({ lines }, { quantity, percent }) {
      if (quantity === undefined || percent === undefined) return { operations: [] }
      const earned = lines.filter((line) => line.quantity >= quantity)
      return { operations: earned.map(({ id }) => ({ type: 'line', line_id: id, value: { percentage: percent }, message: 'Volume discount' })) }
    } } }`,
  },
}
