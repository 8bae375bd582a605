import type { Paint } from './marks.ts'

/** The colour a name stands for: option values such as `Pine` and `Indigo`, and the palette of product sources. */
export function named(name: string): string {
  const colour = colours[name]
  if (colour === undefined) throw new Error(`no colour is called ${name}`)
  return colour
}

export const isColour = (name: string): boolean => name in colours

export function mix(from: string, to: string, share: number): string {
  const channel = (colour: string, at: number) => Number.parseInt(colour.slice(at, at + 2), 16)
  return `#${[1, 3, 5]
    .map((at) =>
      Math.round(channel(from, at) * (1 - share) + channel(to, at) * share)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`
}

/** The tones one thing is painted in, from its colour and the colour of its trim. */
export function paintOf(main: string, accent: string, printed: { motif: string; label: string }): Paint {
  const pale = brightness(main) > 165
  return {
    main,
    dark: mix(main, '#15121a', 0.24),
    deep: mix(main, '#15121a', 0.52),
    light: mix(main, '#ffffff', 0.52),
    pale: mix(main, '#ffffff', 0.8),
    accent,
    paper: PAPER,
    print: pale ? mix(main, '#15121a', 0.45) : main,
    mark: pale ? mix(main, '#15121a', 0.6) : PAPER,
    ...printed,
  }
}

const PAPER = '#fbf6ec'

function brightness(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)) as [number, number, number]
  return 0.3 * red + 0.59 * green + 0.11 * blue
}

const colours: Record<string, string> = {
  // Kaffa
  Espresso: '#5b3524',
  Terracotta: '#c0603f',
  Saffron: '#e0a030',
  Harbour: '#2f5a78',
  Midnight: '#27304f',
  Olive: '#7b8148',
  Berry: '#9c3450',
  Plum: '#6a3d68',
  Rose: '#d98c8c',
  Sage: '#8fa68a',
  Cream: '#e9dcc3',
  Sand: '#d3b88c',
  Slate: '#56646f',
  Moss: '#5d7350',
  Copper: '#b8703f',
  Steel: '#aeb6bb',
  Black: '#35363a',
  White: '#eeece6',
  Sky: '#7fb2cf',
  Mint: '#8cc5ac',
  Clay: '#a9694c',
  Gold: '#cfa23f',
  // Northpaw
  Pine: '#2f6350',
  Ember: '#d9572b',
  Glacier: '#6fa9c4',
  Lichen: '#a5a94e',
  Dusk: '#5d5487',
  Canyon: '#b4533c',
  Granite: '#6d7378',
  Sunrise: '#f0a13a',
  River: '#2c6f9e',
  Hunter: '#f26a1b',
  Beacon: '#d7e03a',
  Huckleberry: '#54407a',
  Tan: '#b58a5a',
  Chestnut: '#7c4a2d',
  Charcoal: '#43474b',
  Barn: '#a8322c',
  Oat: '#dccba7',
  Spruce: '#3f7d79',
  // Hibiki
  Indigo: '#2d3f73',
  Vermilion: '#d94f3d',
  Matcha: '#8a9e5b',
  Sakura: '#e6a6b3',
  Yuzu: '#e7c040',
  Sumi: '#3a3a40',
  Wisteria: '#8b7bb5',
  Persimmon: '#dd7b3a',
  Kinari: '#e6dcc6',
  Asagi: '#4a9aa6',
  Chestnutwood: '#8a5a3c',
  Hinoki: '#d9b98a',
  Ruri: '#2458a5',
  Enji: '#8e2f3f',
  Rokusho: '#4f9a80',
  Nezumi: '#8d8b8a',
  Snow: '#dfe6ea',
  Brass: '#c3a046',
  Natural: '#cdb48c',
}
