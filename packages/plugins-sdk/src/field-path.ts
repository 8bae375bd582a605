/** Where a leaf of T lies: 'currency', 'lines.quantity', 'customer.vat_id.number'. Arrays are walked through; a list of texts is a leaf. */
export type FieldPath<T> = T extends readonly (infer Element)[]
  ? FieldPath<Element>
  : T extends object
    ? { [K in keyof T & string]: IsLeaf<NonNullable<T[K]>> extends true ? K : `${K}.${FieldPath<NonNullable<T[K]>>}` }[keyof T & string]
    : never

type IsLeaf<T> = T extends readonly (infer Element)[] ? (Element extends object ? false : true) : T extends object ? false : true

/** T with nothing but the leaves at the paths, and what leads to them. */
export type Projected<T, Path extends string> = T extends readonly (infer Element)[]
  ? Projected<Element, Path>[]
  : T extends object
    ? { [K in keyof T as K extends Head<Path> ? K : never]: K extends Path ? T[K] : Projected<T[K], Tail<Path, K & string>> }
    : T

type Head<Path extends string> = Path extends `${infer First}.${string}` ? First : Path
type Tail<Path extends string, First extends string> = Path extends `${First}.${infer Rest}` ? Rest : never
