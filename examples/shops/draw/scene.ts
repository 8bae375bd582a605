import { mix } from './colours.ts'
import { type Paint, placed, type Shape } from './marks.ts'

/** Where a picture is taken: every shop has a backdrop of its own, and every product is seen from one to four sides. */
export type Backdrop = 'table' | 'trail' | 'desk'
/** The middle of a close view, and how close it is. */
export type Focus = { x: number; y: number; scale: number }
export type View = 'front' | 'beside' | 'close' | 'pair' | 'many' | 'night'

export type Shot = {
  shape: Shape
  paint: Paint
  view: View
  focus: Focus
  backdrop: Backdrop
  /** The shape that stands by when two are shown. */
  beside: Shape
  size: number
  title: string
}

/** A whole SVG file. `size` scales the thing itself, so that a large bag is seen to be larger than a small one. */
export function picture(of: Shot): string {
  const thing = lifted(of.backdrop, of.shape(of.paint))
  const dark = of.view === 'night'
  const ground = dark ? mix(of.paint.main, '#1b1a22', 0.72) : mix(of.paint.main, grounds[of.backdrop], 0.84)
  const behind =
    of.view === 'many'
      ? ''
      : backdrops[of.backdrop](mix(ground, dark ? '#000000' : '#ffffff', dark ? 0.18 : 0.5), mix(ground, of.paint.deep, dark ? 0.3 : 0.14))
  const title = of.title.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 800" width="800" height="800">',
    `<title>${title}</title>`,
    `<rect width="800" height="800" fill="${ground}"/>`,
    behind,
    arranged(of.view, thing, of),
    '</svg>\n',
  ].join('')
}

const grounds: Record<Backdrop, string> = { table: '#f6ead9', trail: '#e6efe9', desk: '#f7f3ea' }

const backdrops: Record<Backdrop, (high: string, low: string) => string> = {
  table: (high, low) => `<circle cx="400" cy="380" r="300" fill="${high}"/><rect y="616" width="800" height="184" fill="${low}"/>`,
  trail: (high, low) =>
    `<path d="M0 470L170 300L300 420L470 240L800 500V800H0Z" fill="${high}"/><path d="M0 620Q220 560 420 606T800 590V800H0Z" fill="${low}"/>`,
  desk: (high, low) =>
    `<path d="M0 0H800V560L0 800Z" fill="${high}" fill-opacity=".55"/><circle cx="400" cy="400" r="316" fill="none" stroke="${low}" stroke-width="5" stroke-dasharray="1760 240" stroke-linecap="round"/>`,
}

const shadow = (backdrop: Backdrop, x: number, y: number, across: number): string =>
  backdrop === 'desk' ? '' : `<ellipse cx="${x}" cy="${y}" rx="${across}" ry="${Math.round(across * 0.1)}" fill="#0002"/>`

/** What lies on a desk is seen from above, so its shadow falls beside it and not below. */
function lifted(backdrop: Backdrop, thing: string): string {
  if (backdrop !== 'desk') return thing
  const filter = [
    '<filter id="s" x="-.2" y="-.2" width="1.4" height="1.4">',
    '<feGaussianBlur in="SourceAlpha" stdDeviation="9"/><feOffset dx="6" dy="12"/>',
    '<feComponentTransfer result="b"><feFuncA type="linear" slope=".24"/></feComponentTransfer>',
    '<feMerge><feMergeNode in="b"/><feMergeNode in="SourceGraphic"/></feMerge></filter>',
  ].join('')
  return `${filter}<g filter="url(#s)">${thing}</g>`
}

/** Scales about the foot of the thing, so that large and small stand on the same table. */
const standing = (x: number, y: number, scale: number, inner: string): string =>
  placed(Math.round(x - 400 * scale), Math.round(y - 640 * scale), scale, inner)

function arranged(view: View, thing: string, of: Shot): string {
  const { backdrop, size } = of
  switch (view) {
    case 'front':
    case 'night':
      return backdrop === 'desk'
        ? placed(400 - 400 * size, 400 - 400 * size, size, thing)
        : shadow(backdrop, 400, 668, Math.round(230 * size)) + standing(400, 668, size, thing)
    case 'beside': {
      const companion = of.beside({
        ...of.paint,
        main: of.paint.accent,
        dark: mix(of.paint.accent, '#15121a', 0.24),
        accent: of.paint.main,
        motif: '',
        label: '',
      })
      return (
        shadow(backdrop, 320, 650, 200) +
        standing(310, 650, 0.86, thing) +
        shadow(backdrop, 620, 700, 100) +
        standing(620, 700, 0.4, companion)
      )
    }
    case 'close':
      return placed(Math.round(400 - of.focus.x * of.focus.scale), Math.round(400 - of.focus.y * of.focus.scale), of.focus.scale, thing)
    case 'pair':
      return `${shadow(backdrop, 270, 610, 160)}<g id="a">${standing(270, 610, 0.68, thing)}</g>${shadow(backdrop, 530, 710, 160)}<use href="#a" x="260" y="100"/>`
    case 'many':
      return `<g id="a">${placed(-43, -48, 0.44, thing)}</g>${grid.map(([x, y]) => `<use href="#a" x="${x}" y="${y}"/>`).join('')}`
  }
}

const grid = [0, 267, 534].flatMap((y) => [0, 267, 534].map((x) => [x, y] as const)).slice(1)
