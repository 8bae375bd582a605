import { Refusal } from './refusal.ts'

/** Why a text cannot be kept. `invalid_text`: characters; `text_too_long`: graphemes or bytes. */
export type TextFault = 'invalid_text' | 'text_too_long'

// A grapheme of ordinary text takes at most four bytes, an emoji of several people up to thirty: room for both, and
// none for letters buried in a thousand accents.
const BYTES_PER_GRAPHEME = 8
const BYTES_EXTRA = 32

// Invisible or reordering: zero-width, tag, filler and bidirectional control characters, line breaks and controls.
// Soft hyphens and variation selectors are harmless parts of real names.
const HIDDEN =
  /[[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u{fff9}-\u{fffb}]--[\u{ad}\u{fe00}-\u{fe0f}\u{e0100}-\u{e01ef}]]/v
// Two legitimate uses of zero-width characters: joined emoji (and flags made of tags), and letters of scripts that join.
const EMOJI = /\p{RGI_Emoji}/gv
const JOINED =
  /(?<=[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}])[\u{200c}\u{200d}](?=[\p{L}\p{M}])/gv

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })

/** What is wrong with a name: one line that people read, such as a title, an option or a tag. */
export function nameFault(text: string, graphemesMax: number): TextFault | undefined {
  if (Buffer.byteLength(text) > graphemesMax * BYTES_PER_GRAPHEME + BYTES_EXTRA) return 'text_too_long'
  if (!text.isWellFormed() || HIDDEN.test(text.replace(EMOJI, '').replace(JOINED, ''))) return 'invalid_text'
  // The length in UTF-16 units is never below the number of graphemes.
  if (text.length > graphemesMax && countOver(text, graphemesMax)) return 'text_too_long'
  return undefined
}

/** What is wrong with a longer text, such as a description: only what the database cannot hold. */
export function proseFault(text: string, bytesMax: number): TextFault | undefined {
  if (Buffer.byteLength(text) > bytesMax) return 'text_too_long'
  return text.isWellFormed() && !text.includes('\0') ? undefined : 'invalid_text'
}

/** The name in the one form it is kept and compared in (NFC). Refuses what `nameFault` finds. */
export function requireName(pointer: string, text: string, graphemesMax: number): string {
  refuse(pointer, nameFault(text, graphemesMax))
  return text.normalize('NFC')
}

/** The text as it is. Refuses what `proseFault` finds. */
export function requireProse(pointer: string, text: string, bytesMax: number): string {
  refuse(pointer, proseFault(text, bytesMax))
  return text
}

function refuse(pointer: string, fault: TextFault | undefined): void {
  if (fault) throw new Refusal(fault, { detail: TEXT_FAULTS[fault], errors: [{ pointer, code: fault, detail: TEXT_FAULTS[fault] }] })
}

export const TEXT_FAULTS: Record<TextFault, string> = {
  invalid_text: 'The text holds characters that cannot be seen or stored.',
  text_too_long: 'The text is too long.',
}

function countOver(text: string, max: number): boolean {
  let count = 0
  for (const _ of graphemes.segment(text)) if (++count > max) return true
  return false
}
