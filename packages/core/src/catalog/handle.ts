import { HANDLE_CHARACTERS_MAX } from './limits.ts'

// Letters and digits of any script, in lower case: handles stand in addresses and are compared as they are.
const HANDLE = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}_-]*$/u

/** The one form a handle is kept in. Undefined when the text cannot be one. */
export function normalHandle(text: string): string | undefined {
  const handle = text.normalize('NFC').toLowerCase()
  return handle.length <= HANDLE_CHARACTERS_MAX && HANDLE.test(handle) ? handle : undefined
}

/** A handle made from any text: 'Crème brûlée, 2 kg' -> 'creme-brulee-2-kg'. */
export function makeHandle(text: string): string {
  const plain = text
    .normalize('NFKD')
    .replace(/(?<=\p{Script=Latin})\p{M}+/gu, '')
    .normalize('NFC')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}_]+/gu, '-')
    .replace(/^[^\p{L}\p{N}]+|-+$/gu, '')
  // Cut between characters; a mark never comes first.
  const cut = [...plain]
    .slice(0, HANDLE_CHARACTERS_MAX / 2)
    .join('')
    .replace(/-+$/, '')
  return cut === '' ? 'product' : cut
}
