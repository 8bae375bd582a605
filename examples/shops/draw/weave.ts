import type { Paint } from './marks.ts'

/** Fills that repeat: papers, cloths, rulings. `weave(name, paint)` defines one; paint an area with `WOVEN` to use it. */
export const WOVEN = 'url(#w)'

export function weave(name: string, paint: Paint): string {
  const { size, marks } = (weaves[name] ?? weaves.plain!)(paint)
  return `<defs><pattern id="w" width="${size}" height="${size}" patternUnits="userSpaceOnUse"><rect width="${size}" height="${size}" fill="${paint.paper}"/>${marks}</pattern></defs>`
}

type Weave = (paint: Paint) => { size: number; marks: string }

const stroke = (d: string, colour: string, width: number): string =>
  `<path d="${d}" fill="none" stroke="${colour}" stroke-width="${width}"/>`
const spot = (x: number, y: number, radius: number, colour: string): string =>
  `<circle cx="${x}" cy="${y}" r="${radius}" fill="${colour}"/>`

const weaves: Record<string, Weave> = {
  plain: () => ({ size: 40, marks: '' }),
  lined: (paint) => ({ size: 34, marks: stroke('M0 30H34', paint.light, 2) }),
  grid: (paint) => ({ size: 28, marks: stroke('M0 27H28M27 0V28', paint.light, 2) }),
  dotted: (paint) => ({ size: 28, marks: spot(14, 14, 3, paint.light) }),
  manuscript: (paint) => ({ size: 40, marks: stroke('M4 4H32V36H4Z', paint.light, 2) }),
  waves: (paint) => ({
    size: 80,
    marks: [0, 40]
      .map((y) => [0, 80].map((x) => rings((y === 40 ? 40 : 0) + x, y + 40, paint)).join('') + (y === 40 ? rings(-40, 80, paint) : ''))
      .join(''),
  }),
  hemp: (paint) => ({
    size: 80,
    marks: stroke(
      'M0 0L80 80M80 0L0 80M40 0V80M0 40H80M40 0L20 20M40 0L60 20M0 40L20 20M80 40L60 20M0 40L20 60M80 40L60 60M40 80L20 60M40 80L60 60',
      paint.main,
      3,
    ),
  }),
  check: (paint) => ({
    size: 60,
    marks: `<path d="M0 0H30V60H0Z" fill="${paint.main}" fill-opacity=".55"/><path d="M0 0H60V30H0Z" fill="${paint.main}" fill-opacity=".55"/>`,
  }),
  dots: (paint) => ({ size: 60, marks: spot(15, 15, 10, paint.main) + spot(45, 45, 10, paint.main) }),
  stripes: (paint) => ({
    size: 48,
    marks: `<path d="M0 0H24V48H0Z" fill="${paint.main}"/><path d="M33 0H37V48H33Z" fill="${paint.accent}"/>`,
  }),
  petals: (paint) => ({
    size: 90,
    marks: [
      [24, 24, paint.main],
      [70, 66, paint.accent],
    ]
      .map(([x, y, colour]) => [0, 72, 144, 216, 288].map((turn) => petal(Number(x), Number(y), turn, String(colour))).join(''))
      .join(''),
  }),
}

function rings(x: number, y: number, paint: Paint): string {
  return [40, 27, 14]
    .map(
      (r, i) =>
        `<circle cx="${x}" cy="${y}" r="${r}" fill="${i === 1 ? paint.paper : paint.main}" stroke="${paint.paper}" stroke-width="3"/>`,
    )
    .join('')
}

function petal(x: number, y: number, turn: number, colour: string): string {
  return `<ellipse cx="${x}" cy="${y - 11}" rx="7" ry="11" fill="${colour}" transform="rotate(${turn} ${x} ${y})"/>`
}
