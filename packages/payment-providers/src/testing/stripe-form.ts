/** A form with its brackets read: a[b]=1 and a[0]=1 nest. */
export interface Form {
  [name: string]: string | Form
}

export function readForm(text: string): Form {
  const form: Form = {}
  for (const [name, value] of new URLSearchParams(text)) {
    const path = [name.replace(/\[.*$/, ''), ...[...name.matchAll(/\[([^\]]*)\]/g)].map(([, part]) => part!)]
    let at = form
    for (const part of path.slice(0, -1)) {
      const next = at[part]
      const group = typeof next === 'object' ? next : {}
      at[part] = group
      at = group
    }
    at[path.at(-1)!] = value
  }
  return form
}

export function textOf(form: Form, name: string): string | undefined {
  const value = form[name]
  return typeof value === 'string' ? value : undefined
}

export function groupOf(form: Form, name: string): Form {
  const value = form[name]
  return typeof value === 'object' ? value : {}
}

export function textsOf(form: Form): Record<string, string> {
  return Object.fromEntries(Object.entries(form).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}
