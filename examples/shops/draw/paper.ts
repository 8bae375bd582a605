import {
  area,
  BRASS,
  CHARCOAL,
  disc,
  emblem,
  GLASS,
  lettering,
  line,
  rect,
  SHADE,
  SHINE,
  type Shape,
  STEEL,
  STEEL_DARK,
  turned,
  WOOD,
} from './marks.ts'
import { WOVEN, weave } from './weave.ts'

/** Stationery, mostly seen from above and lying on a desk. */
export const paperShapes: Record<string, Shape> = {
  fountain: (p) =>
    turned(
      38,
      rect(360, 120, 80, 290, p.main, 30) +
        rect(412, 120, 28, 290, SHADE, 14) +
        rect(356, 390, 88, 18, BRASS, 6) +
        rect(432, 150, 14, 190, BRASS, 7) +
        rect(372, 408, 56, 110, p.dark, 6) +
        area('M376 518H424L402 640H398Z', BRASS) +
        line('M400 548V630', p.deep, 4) +
        disc(400, 546, 7, p.deep) +
        rect(374, 140, 12, 220, SHINE, 6),
    ),
  clear: (p) =>
    turned(
      38,
      rect(362, 110, 76, 300, GLASS, 28) +
        rect(378, 190, 44, 210, p.main, 12) +
        rect(378, 190, 16, 210, SHINE, 8) +
        rect(358, 390, 84, 16, STEEL_DARK, 6) +
        rect(372, 406, 56, 112, p.light, 6) +
        area('M376 518H424L402 640H398Z', STEEL) +
        line('M400 548V630', STEEL_DARK, 4),
    ),
  gel: (p) =>
    turned(
      32,
      rect(364, 150, 72, 320, p.pale, 16) +
        rect(382, 180, 36, 270, p.main, 14) +
        rect(376, 100, 48, 60, p.main, 12) +
        rect(434, 150, 14, 150, STEEL, 7) +
        rect(358, 440, 84, 110, p.dark, 14) +
        line('M360 470H440M360 494H440M360 518H440', p.deep, 5) +
        area('M372 550H428L404 640H396Z', STEEL),
    ) + line('M170 650q40-40 80 0t80 0', p.main, 8),
  pencil: (p) =>
    turned(
      40,
      rect(370, 130, 60, 60, '#e9a6a0', 14) +
        rect(370, 174, 60, 36, STEEL) +
        rect(370, 206, 60, 310, p.main) +
        rect(410, 206, 20, 310, SHADE) +
        rect(382, 206, 8, 310, SHINE) +
        area('M370 516H430L400 640Z', '#ecd0a0') +
        area('M390 598H410L400 640Z', p.deep),
    ),
  pencils: (p) =>
    [p.main, p.dark, p.accent, p.light, p.deep, p.main]
      .map((colour, index) => {
        const x = 232 + index * 57
        return (
          rect(x, 250, 48, 386, colour) +
          rect(x + 32, 250, 16, 386, SHADE) +
          area(`M${x} 250H${x + 48}L${x + 24} 150Z`, '#ecd0a0') +
          area(`M${x + 15} 188H${x + 33}L${x + 24} 150Z`, colour)
        )
      })
      .join('') +
    rect(216, 420, 364, 130, p.paper) +
    emblem(p.motif, 290, 485, 0.6, p.print, p.accent) +
    lettering(450, 498, 220, 40, p.label, p.deep),
  mechanical: (p) =>
    turned(
      36,
      rect(388, 110, 24, 60, STEEL, 8) +
        rect(372, 160, 56, 250, p.main, 12) +
        rect(408, 160, 20, 250, SHADE, 8) +
        rect(424, 180, 12, 150, STEEL_DARK, 6) +
        rect(366, 400, 68, 130, STEEL, 10) +
        line('M368 424H432M368 448H432M368 472H432M368 496H432', STEEL_DARK, 5) +
        area('M374 530H426L406 610H394Z', STEEL_DARK) +
        rect(397, 606, 6, 34, CHARCOAL),
    ),
  brush: (p) =>
    turned(
      34,
      rect(376, 110, 48, 380, p.main, 20) +
        rect(404, 110, 20, 380, SHADE, 10) +
        rect(370, 470, 60, 50, BRASS, 6) +
        area('M372 520H428Q444 580 400 660Q356 580 372 520Z', CHARCOAL),
    ) + area('M150 660Q260 600 330 640Q250 650 190 690Z', CHARCOAL),
  ink: (p) =>
    rect(316, 216, 168, 96, CHARCOAL, 16) +
    line('M340 230V300M370 230V300M400 230V300M430 230V300M460 230V300', '#46474b', 6) +
    area('M330 312H470L560 420V600Q560 636 524 636H276Q240 636 240 600V420Z', GLASS) +
    area('M262 440H538V596Q538 616 516 616H284Q262 616 262 596Z', p.main) +
    rect(300, 470, 200, 120, p.paper, 8) +
    emblem(p.motif, 400, 514, 0.5, p.print, p.accent) +
    lettering(400, 578, 180, 26, p.label, p.deep) +
    line('M290 400L340 344', '#fff', 12),
  cartridges: (p) =>
    [220, 290, 360, 430, 500]
      .map(
        (x, index) =>
          rect(x, 270, 52, 330, GLASS, 18) +
          rect(x + 6, 330 + index * 6, 40, 262 - index * 6, p.main, 14) +
          rect(x + 14, 236, 24, 40, p.dark, 6) +
          rect(x + 10, 300, 8, 270, SHINE, 4),
      )
      .join(''),
  notebook: (p) =>
    weave(p.motif, p) +
    `<g transform="rotate(6 400 400)">${rect(250, 190, 360, 450, p.dark, 12)}${rect(258, 196, 344, 438, WOVEN, 6)}</g>` +
    rect(190, 170, 350, 460, p.main, 14) +
    rect(190, 170, 50, 460, p.dark, 14) +
    rect(288, 230, 200, 110, p.paper, 8) +
    lettering(388, 296, 184, 38, p.label, p.deep) +
    line('M500 172V628', p.accent, 8),
  spiral: (p) =>
    rect(206, 190, 400, 450, p.paper, 8) +
    rect(196, 180, 400, 450, p.main, 12) +
    emblem(p.motif, 396, 380, 1.4, p.mark, p.accent) +
    lettering(396, 540, 280, 42, p.label, p.mark) +
    Array.from({ length: 11 }, (_, index) => line(`M${222 + index * 35} 204V160`, STEEL_DARK, 9)).join(''),
  pad: (p) =>
    weave(p.motif, p) +
    rect(216, 176, 380, 470, p.dark, 8) +
    rect(206, 166, 380, 470, p.paper, 8) +
    rect(230, 260, 332, 350, WOVEN) +
    rect(206, 166, 380, 66, p.main, 8) +
    lettering(396, 212, 320, 36, p.label, p.mark),
  calendar: (p) =>
    rect(190, 170, 420, 466, p.paper, 10) +
    rect(190, 170, 420, 180, p.main, 10) +
    emblem(p.motif, 400, 262, 1.1, p.mark, p.accent) +
    [400, 450, 500, 550, 600]
      .map((y, row) =>
        Array.from({ length: 7 }, (_, day) => disc(226 + day * 58, y, 13, row === 2 && day === 3 ? p.accent : p.pale)).join(''),
      )
      .join('') +
    disc(400, 176, 12, CHARCOAL),
  letters: (p) =>
    weave(p.motif, p) +
    `<g transform="rotate(-8 400 400)">${rect(200, 160, 330, 420, WOVEN, 4)}</g>` +
    rect(230, 330, 400, 280, p.main, 8) +
    area('M230 338L430 500L630 338V330H230Z', p.dark) +
    area('M238 330L430 480L622 330Z', p.light) +
    disc(430, 478, 34, p.accent),
  sheets: (p) =>
    weave(p.motif, p) +
    `<g transform="rotate(10 400 420)">${rect(210, 200, 380, 420, p.light, 4)}</g>` +
    `<g transform="rotate(4 400 420)">${rect(210, 200, 380, 420, p.main, 4)}</g>` +
    rect(204, 194, 380, 420, p.paper, 4) +
    rect(204, 194, 380, 420, WOVEN, 4) +
    area('M584 520V614H490Z', p.dark) +
    area('M584 520Q500 510 490 614Z', p.pale),
  crane: (p) =>
    area('M400 430L130 250L330 520Z', p.light) +
    area('M400 430L670 250L470 520Z', p.main) +
    area('M330 520L400 430L470 520L400 640Z', p.dark) +
    area('M350 500L230 600L330 420Z', p.main) +
    area('M450 500L590 330L620 380L590 372L470 520Z', p.dark) +
    area('M400 430L330 520L400 640Z', p.accent),
  sticky: (p) =>
    [p.accent, p.light, p.main]
      .map((colour, index) => `<g transform="rotate(${10 - index * 8} 400 400)">${rect(220, 210, 360, 360, colour)}</g>`)
      .join('') +
    `<g transform="rotate(-6 400 400)">${area('M580 480V570H490Z', p.dark)}${area('M580 480L490 570V490Z', p.pale)}${lettering(390, 400, 280, 64, p.label, p.mark)}</g>`,
  tape: (p) =>
    weave(p.motif, p) +
    area('M400 570H690L680 590L692 610L680 636H400Z', WOVEN) +
    line('M400 633H684', p.dark, 6) +
    disc(400, 426, 212, p.dark) +
    disc(400, 420, 204, WOVEN) +
    `<circle cx="400" cy="420" r="200" fill="none" stroke="${p.main}" stroke-width="12"/>` +
    disc(400, 420, 122, p.pale) +
    disc(400, 420, 106, WOOD) +
    disc(400, 420, 90, p.light),
  ruler: (p) =>
    turned(
      -32,
      rect(110, 350, 580, 100, p.main, 8) +
        rect(110, 420, 580, 30, SHADE, 8) +
        line(`M${Array.from({ length: 27 }, (_, index) => `${130 + index * 20} 352v${index % 5 === 0 ? 40 : 22}`).join('M')}`, p.deep, 4) +
        disc(660, 410, 14, p.deep),
    ),
  eraser: (p) =>
    turned(
      -18,
      rect(200, 310, 400, 190, '#f5f3ee', 24) +
        rect(280, 304, 330, 202, p.main, 12) +
        rect(280, 304, 70, 202, p.accent) +
        lettering(480, 424, 220, 56, p.label, p.mark) +
        rect(200, 460, 410, 44, SHADE, 12),
    ),
  scissors: (p) =>
    line('M330 520L540 170', STEEL, 36) +
    line('M470 520L260 170', STEEL_DARK, 36) +
    disc(400, 402, 16, CHARCOAL) +
    [310, 490].map((x) => `<circle cx="${x}" cy="570" r="62" fill="none" stroke="${p.main}" stroke-width="34"/>`).join(''),
  knife: (p) =>
    turned(
      40,
      area('M380 120Q430 140 424 430H376Z', STEEL) +
        rect(366, 420, 68, 220, p.main, 24) +
        rect(410, 420, 24, 220, SHADE, 12) +
        rect(362, 410, 76, 22, BRASS, 6),
    ),
  clips: (p) =>
    [0, 1, 2]
      .map(
        (index) =>
          `<g transform="rotate(${index * 24 - 30} 400 400) translate(${index * 110 - 110} 0)">${line('M350 300V520Q350 570 400 570T450 520V260Q450 230 425 230T400 260V500', index === 1 ? p.accent : p.main, 20)}</g>`,
      )
      .join(''),
  sharpener: (p) =>
    rect(230, 330, 340, 220, p.main, 20) +
    area('M310 330H490L450 550H350Z', p.dark) +
    rect(360, 350, 120, 180, STEEL, 6) +
    disc(420, 440, 20, STEEL_DARK) +
    line('M408 440H432', CHARCOAL, 6) +
    rect(230, 510, 340, 40, SHADE, 16),
  wrap: (p) =>
    rect(170, 250, 460, 330, p.main, 26) +
    rect(170, 500, 460, 80, SHADE, 26) +
    [0, 1, 2, 3]
      .map(
        (index) =>
          rect(210 + index * 100, 210, 70, 300, p.dark, 12) +
          rect(230 + index * 100, 170, 30, 220, index % 2 === 0 ? p.accent : WOOD, 12) +
          rect(210 + index * 100, 320, 70, 190, p.light, 10),
      )
      .join('') +
    line('M630 420Q700 450 660 560', p.accent, 12),
  tray: (p) =>
    rect(140, 300, 520, 240, p.dark, 30) +
    rect(140, 286, 520, 230, p.main, 30) +
    rect(170, 312, 460, 176, p.deep, 20) +
    rect(200, 340, 400, 26, p.accent, 13) +
    rect(200, 390, 330, 22, p.light, 11) +
    rect(200, 434, 370, 26, '#d94f3d', 13),
  stamp: (p) =>
    disc(400, 220, 66, p.main) +
    area('M366 260H434L450 430H350Z', p.main) +
    area('M410 260H434L450 430H420Z', SHADE) +
    rect(290, 430, 220, 90, p.dark, 14) +
    rect(290, 520, 220, 30, p.accent, 6) +
    emblem(p.motif, 400, 620, 0.55, p.accent, p.accent),
  inkpad: (p) =>
    rect(190, 470, 420, 150, p.deep, 18) +
    rect(214, 486, 372, 110, p.main, 10) +
    area('M190 470L230 250H570L610 470Z', p.paper) +
    area('M214 456L248 268H552L586 456Z', p.light) +
    emblem(p.motif, 400, 362, 0.9, p.print, p.print),
  bundle: (p) =>
    weave(p.motif, p) +
    area('M180 440Q200 330 400 320T620 440L640 600Q640 640 600 640H200Q160 640 160 600Z', WOVEN) +
    area('M380 350Q240 160 190 260Q220 350 380 366Z', WOVEN) +
    area('M420 350Q560 160 610 260Q580 350 420 366Z', WOVEN) +
    area('M380 350Q240 160 190 260Q220 350 380 366ZM420 350Q560 160 610 260Q580 350 420 366Z', SHADE) +
    rect(356, 320, 88, 76, p.dark, 30),
  desk: (p) =>
    area('M130 330H670L720 600H80Z', p.main) +
    area('M80 600H720V622H80Z', p.deep) +
    line('M150 350H650L694 580H106Z', p.light, 4, '14 12') +
    area('M300 400H480L500 540H284Z', p.paper) +
    line('M560 380L600 560', p.accent, 18),
  blotter: (p) =>
    area('M180 470Q400 720 620 470Z', p.dark) +
    area('M196 470Q400 690 604 470Z', p.paper) +
    rect(160, 420, 480, 56, p.main, 20) +
    disc(400, 360, 50, p.main) +
    rect(380, 390, 40, 40, p.dark),
  wax: (p) =>
    rect(260, 190, 76, 380, p.main, 14) +
    rect(310, 190, 26, 380, SHADE, 10) +
    area('M378 560Q380 450 490 456Q610 460 600 560Q590 650 480 640Q370 640 378 560Z', p.main) +
    disc(490, 550, 66, p.dark) +
    emblem(p.motif, 490, 550, 0.6, p.mark, p.mark),
}
