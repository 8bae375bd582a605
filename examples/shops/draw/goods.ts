import { area, CHARCOAL, disc, emblem, lettering, line, oval, rect, SHADE, SHINE, type Shape } from './marks.ts'
import { WOVEN, weave } from './weave.ts'

/** Things any shop may sell: boxes, bottles, books, cloths. */
export const sharedShapes: Record<string, Shape> = {
  box: (p) =>
    rect(196, 300, 408, 336, p.main, 8) +
    rect(520, 300, 84, 336, SHADE, 8) +
    area('M196 308L228 226H572L604 308Z', p.dark) +
    rect(372, 226, 56, 140, p.accent) +
    rect(372, 300, 56, 66, SHADE) +
    rect(258, 390, 284, 196, p.paper, 10) +
    emblem(p.motif, 400, 460, 0.85, p.print, p.accent) +
    lettering(400, 560, 260, 36, p.label, p.deep),
  bottle: (p) =>
    rect(354, 150, 92, 60, p.deep, 12) +
    area('M362 206H438V260Q512 290 512 370V606Q512 636 482 636H318Q288 636 288 606V370Q288 290 362 260Z', p.main) +
    rect(460, 350, 52, 286, SHADE, 20) +
    rect(308, 340, 16, 250, SHINE, 8) +
    rect(288, 400, 224, 160, p.paper) +
    emblem(p.motif, 400, 456, 0.65, p.print, p.accent) +
    lettering(400, 542, 200, 30, p.label, p.deep),
  jar: (p) =>
    rect(252, 330, 296, 306, p.main, 30) +
    rect(486, 330, 62, 306, SHADE, 28) +
    rect(240, 264, 320, 84, p.dark, 18) +
    rect(240, 316, 320, 10, SHADE) +
    rect(252, 400, 296, 160, p.paper) +
    emblem(p.motif, 400, 456, 0.65, p.print, p.accent) +
    lettering(400, 544, 250, 32, p.label, p.deep),
  book: (p) =>
    rect(232, 172, 352, 464, p.paper, 10) +
    rect(216, 164, 352, 464, p.main, 12) +
    rect(216, 164, 48, 464, p.dark, 12) +
    rect(520, 164, 14, 464, p.accent) +
    emblem(p.motif, 392, 320, 1.1, p.mark, p.accent) +
    lettering(392, 470, 220, 34, p.label, p.mark),
  tote: (p) =>
    line('M300 400V270Q300 170 400 170Q500 170 500 270V400', p.dark, 22) +
    area('M218 310H582L600 636H200Z', p.main) +
    area('M520 310H582L600 636H536Z', SHADE) +
    emblem(p.motif, 400, 450, 1.3, p.mark, p.accent) +
    lettering(400, 590, 280, 42, p.label, p.mark),
  cloth: (p) =>
    weave(p.motif, p) +
    [560, 490, 420].map((y, index) => rect(200 + index * 8, y, 400 - index * 16, 80, index === 1 ? p.light : p.main, 30)).join('') +
    rect(224, 240, 352, 210, WOVEN, 24) +
    rect(224, 240, 352, 210, SHINE, 24) +
    rect(224, 402, 352, 48, SHADE, 24) +
    rect(452, 240, 40, 210, p.dark),
  pouch: (p) =>
    line('M270 260Q230 180 300 170', CHARCOAL, 14) +
    area('M220 280Q220 250 250 250H550Q580 250 580 280L560 600Q558 630 528 630H272Q242 630 240 600Z', p.main) +
    area('M500 250H550Q580 250 580 280L560 600Q558 630 528 630H490Z', SHADE) +
    rect(234, 306, 332, 16, p.deep, 8) +
    disc(540, 314, 14, p.accent) +
    rect(280, 390, 240, 180, p.dark, 20) +
    emblem(p.motif, 400, 480, 0.9, p.mark, p.accent),
  soap: (p) =>
    oval(400, 560, 220, 50, p.deep) +
    rect(214, 330, 372, 220, p.main, 60) +
    rect(214, 470, 372, 80, SHADE, 40) +
    rect(300, 320, 200, 240, p.paper) +
    emblem(p.motif, 400, 410, 0.8, p.print, p.accent) +
    lettering(400, 520, 180, 32, p.label, p.deep),
  card: (p) =>
    `<g transform="rotate(-7 400 400)">${rect(190, 260, 420, 290, p.light, 10)}</g>` +
    rect(190, 260, 420, 290, p.paper, 10) +
    rect(190, 260, 130, 290, p.main, 10) +
    emblem(p.motif, 255, 400, 0.8, p.mark, p.accent) +
    lettering(466, 400, 250, 46, p.label, p.deep) +
    rect(390, 436, 150, 6, p.accent),
}
