/** What a shape is painted with. Every colour is `#rrggbb`; `motif` and `label` are what the maker printed on the thing. */
export type Paint = {
  main: string
  dark: string
  deep: string
  light: string
  pale: string
  accent: string
  paper: string
  /** Printed on paper, and printed on the thing itself: both can be read whatever the colour. */
  print: string
  mark: string
  motif: string
  label: string
}

/** Draws a thing on an 800 x 800 sheet, its middle near (400, 400) and its foot near y = 640. */
export type Shape = (paint: Paint) => string

// Alpha in the colour itself: laid over any paint they darken or lighten one side of a thing.
export const SHADE = '#0002'
export const SHINE = '#fff4'
export const STEEL = '#c9ced2'
export const STEEL_DARK = '#8f979d'
export const WOOD = '#c99b66'
export const BRASS = '#c8a24a'
export const CHARCOAL = '#2f3033'
export const GLASS = '#dcebee'

export function rect(x: number, y: number, width: number, height: number, fill: string, radius = 0): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}"${radius > 0 ? ` rx="${radius}"` : ''} fill="${fill}"/>`
}

export function disc(x: number, y: number, radius: number, fill: string): string {
  return `<circle cx="${x}" cy="${y}" r="${radius}" fill="${fill}"/>`
}

export function oval(x: number, y: number, across: number, down: number, fill: string): string {
  return `<ellipse cx="${x}" cy="${y}" rx="${across}" ry="${down}" fill="${fill}"/>`
}

export function area(d: string, fill: string): string {
  return `<path d="${d}" fill="${fill}"/>`
}

export function line(d: string, colour: string, width: number, dashes = ''): string {
  const dashed = dashes === '' ? '' : ` stroke-dasharray="${dashes}"`
  return `<path d="${d}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round"${dashed}/>`
}

export function turned(degrees: number, inner: string): string {
  return `<g transform="rotate(${degrees} 400 400)">${inner}</g>`
}

export function placed(x: number, y: number, scale: number, inner: string): string {
  return `<g transform="translate(${x} ${y}) scale(${scale})">${inner}</g>`
}

/** Text centred on x; small enough for `width`, whatever typeface the viewer has. */
export function lettering(x: number, y: number, width: number, size: number, text: string, colour: string): string {
  if (text === '') return ''
  const fitting = Math.min(size, Math.floor(width / (text.length * 0.54)))
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const face = 'font-family="Georgia,serif" text-anchor="middle"'
  return `<text x="${x}" y="${y}" ${face} font-size="${fitting}" fill="${colour}">${escaped}</text>`
}

/** A printed emblem about 120 across, in two colours. An unknown name draws nothing. */
export function emblem(name: string, x: number, y: number, scale: number, first: string, second: string): string {
  const draw = emblems[name]
  return draw === undefined ? '' : placed(x, y, scale, draw(first, second))
}

const around = (count: number, d: string, fill: string): string =>
  Array.from({ length: count }, (_, index) => `<path d="${d}" fill="${fill}" transform="rotate(${(360 / count) * index})"/>`).join('')

const emblems: Record<string, (first: string, second: string) => string> = {
  sun: (first, second) =>
    `<circle r="54" fill="none" stroke="${second}" stroke-width="20" stroke-dasharray="9 19.3"/>${disc(0, 0, 32, first)}`,
  moon: (first, second) => area('M20-56A58 58 0 1 0 52 34A46 46 0 1 1 20-56Z', first) + disc(34, -14, 7, second),
  waves: (first, second) => [-30, 0, 30].map((y, i) => line(`M-58 ${y}q14-24 29 0t29 0t29 0t29 0`, i === 1 ? second : first, 11)).join(''),
  mountain: (first, second) => area('M-66 46L-14-50L18 6L34-18L66 46Z', first) + area('M-14-50L-32-16L-14-24L2-18Z', second),
  leaf: (first, second) => area('M-52 46Q-60-40 54-52Q60 46-52 46Z', first) + line('M-48 44L26-26M-18 14L-20-18M4-6L36-4', second, 6),
  bean: (first, second) => `<g transform="rotate(35)">${oval(0, 0, 40, 58, first)}${line('M4-50Q-20-20 2 0T-4 50', second, 9)}</g>`,
  star: (first) => around(5, 'M-18-24L0-62L18-24L0 0Z', first),
  compass: (first, second) => disc(0, 0, 58, first) + area('M0-50L14 0L0 50L-14 0Z', second) + disc(0, 0, 7, first),
  paw: (first) =>
    oval(0, 22, 34, 28, first) +
    oval(-44, -8, 14, 20, first) +
    oval(-17, -38, 14, 20, first) +
    oval(17, -38, 14, 20, first) +
    oval(44, -8, 14, 20, first),
  bone: (first) =>
    `<g transform="rotate(-30)">${rect(-42, -13, 84, 26, first)}${[-44, 44].map((x) => disc(x, -15, 19, first) + disc(x, 15, 19, first)).join('')}</g>`,
  pine: (first, second) => rect(-7, 38, 14, 24, second) + area('M0-64L36-8H18L46 40H-46L-18-8H-36Z', first),
  fish: (first, second) => area('M-62-26Q-40 0-62 26L-30 10Q20 46 60 0Q20-46-30-10Z', first) + disc(32, -6, 6, second),
  blossom: (first, second) => around(5, 'M0-4Q-34-34-12-60L0-50L12-60Q34-34 0-4Z', first) + disc(0, 0, 11, second),
  bird: (first, second) =>
    area('M-62-8Q-30-46 8-16Q30-34 52-24L66-18L52-10Q40 34-8 34L-58 46Q-20 20-62-8Z', first) + disc(46, -20, 4, second),
  fan: (first, second) => [58, 40, 22].map((r, i) => area(`M${-r} 30A${r} ${r} 0 0 1 ${r} 30Z`, i === 1 ? second : first)).join(''),
  dots: (first, second) =>
    [-40, 0, 40]
      .map((y, row) => [-40, 0, 40].map((x, column) => disc(x, y, 12, (row + column) % 2 === 0 ? first : second)).join(''))
      .join(''),
  stripes: (first, second) => [-44, -22, 0, 22, 44].map((y, i) => rect(-56, y - 6, 112, 12, i % 2 === 0 ? first : second, 6)).join(''),
  cherry: (first, second) => line('M-26 20Q-16-34 22-54Q26-20 30 16', second, 6) + disc(-28, 30, 26, first) + disc(32, 26, 26, first),
  cross: (first) => rect(-18, -54, 36, 108, first, 6) + rect(-54, -18, 108, 36, first, 6),
  drop: (first, second) => area('M0-62Q48 0 42 26A42 38 0 0 1-42 26Q-48 0 0-62Z', first) + line('M-20 26Q-16 44 4 46', second, 8),
  ring: (first) => `<circle r="46" fill="none" stroke="${first}" stroke-width="14" stroke-dasharray="250 60" stroke-linecap="round"/>`,
}
