import {
  area,
  BRASS,
  CHARCOAL,
  disc,
  emblem,
  lettering,
  line,
  oval,
  type Paint,
  rect,
  SHADE,
  SHINE,
  type Shape,
  STEEL,
  STEEL_DARK,
} from './marks.ts'

const FUR = ['#c8975f', '#7a5238', '#e3cda6', '#8d9096', '#b5713c']

/** What a dog wears, drawn on a dog; its coat of fur follows the colour of the garment, so a colour always meets the same dog. */
const worn: Record<string, Shape> = {
  coat: (p) =>
    area('M238 330Q250 306 290 312L470 306Q516 280 540 330L520 450Q500 500 440 486L270 470Q222 466 226 400Z', p.main) +
    area('M228 420Q300 452 526 430L520 450Q500 500 440 486L270 470Q230 466 228 420Z', SHADE) +
    line('M452 310Q500 350 540 330', p.dark, 26) +
    line('M240 388H520', p.accent, 10) +
    emblem(p.motif, 300, 362, 0.42, p.mark, p.accent),
  harness: (p) =>
    area('M384 318H470L476 400H384Z', p.main) +
    line('M400 322Q392 420 400 484', p.dark, 26) +
    line('M468 318Q540 380 470 470', p.main, 28) +
    line('M404 400H504', p.main, 24) +
    line('M396 312Q430 274 462 312', p.deep, 14) +
    disc(504, 400, 12, STEEL) +
    line('M392 350H470', p.accent, 8),
  pack: (p) =>
    line('M290 330Q282 440 296 480M446 326Q440 440 446 486', p.deep, 20) +
    rect(262, 318, 210, 34, p.dark, 14) +
    rect(272, 340, 190, 126, p.main, 26) +
    rect(292, 392, 150, 62, p.dark, 14) +
    rect(292, 400, 150, 10, p.accent, 5) +
    line('M340 318Q368 284 396 318', p.deep, 12) +
    emblem(p.motif, 367, 432, 0.3, p.mark, p.mark),
  boots: (p) =>
    [294, 428, 236, 470]
      .map(
        (x) =>
          area(`M${x} 556H${x + 52}V606L${x + 70} 618V638H${x}Z`, p.main) +
          rect(x, 570, 52, 12, p.accent) +
          rect(x, 628, 70, 12, p.deep, 6),
      )
      .join(''),
  socks: (p) =>
    [290, 422, 238, 472]
      .map(
        (x, index) =>
          area(`M${x} 520H${x + 50}V638H${x}Z`, index < 2 ? p.dark : p.main) +
          rect(x, 540, 48, 14, p.accent) +
          rect(x, 566, 48, 14, p.paper),
      )
      .join(''),
  vest: (p) =>
    area('M232 336Q250 306 290 312L480 306Q520 290 536 340L516 456Q500 490 440 482L270 466Q222 460 226 400Z', p.main) +
    line('M300 320V462M370 318V470M440 316V476', p.dark, 8) +
    rect(248, 402, 262, 20, p.deep, 10) +
    rect(360, 396, 40, 32, CHARCOAL, 8) +
    line('M330 312Q372 260 414 312', p.deep, 18) +
    line('M470 318Q514 356 540 330', p.accent, 18),
  collar: (p) => line('M452 318Q500 356 556 322', p.main, 26) + line('M452 318Q500 356 556 322', p.accent, 6) + disc(522, 366, 18, BRASS),
  bandana: (p) =>
    area('M446 306Q500 350 560 314L530 446Z', p.main) +
    line('M448 308Q500 352 558 316', p.dark, 20) +
    emblem(p.motif, 520, 376, 0.32, p.mark, p.mark),
  light: (p) => line('M452 318Q500 356 556 322', p.main, 24) + disc(520, 352, 44, '#fff6b099') + disc(520, 352, 20, '#fff3a0'),
  sweater: (p) =>
    area('M238 330Q250 306 290 312L470 300Q516 262 556 316L524 450Q500 500 440 486L270 470Q222 466 226 400Z', p.main) +
    [350, 390, 430]
      .map((y, index) =>
        line(
          `M236 ${y}l18-12 18 12 18-12 18 12 18-12 18 12 18-12 18 12 18-12 18 12 18-12 18 12 18-12 18 12`,
          index === 1 ? p.accent : p.paper,
          7,
        ),
      )
      .join('') +
    line('M456 304Q506 350 558 316', p.dark, 30),
}

function dog(paint: Paint, wear: Shape): string {
  const fur = FUR[[...paint.main].reduce((sum, letter) => sum * 7 + letter.charCodeAt(0), 0) % FUR.length]!
  const back = [292, 424].map((x) => rect(x, 420, 46, 218, fur, 20) + rect(x, 420, 46, 218, SHADE, 20)).join('')
  const front = [240, 474].map((x) => rect(x, 410, 46, 228, fur, 20)).join('')
  return (
    line('M246 372Q170 340 182 250', fur, 34) +
    back +
    rect(226, 318, 304, 156, fur, 74) +
    area('M436 350L500 236L596 290L524 430Z', fur) +
    front +
    disc(550, 246, 68, fur) +
    rect(556, 236, 116, 66, fur, 32) +
    oval(664, 254, 17, 13, '#26211e') +
    disc(576, 228, 8, '#26211e') +
    line('M612 286Q636 294 656 284', '#26211e', 4) +
    wear(paint) +
    `<g transform="rotate(16 512 230)">${oval(512, 250, 28, 60, fur) + oval(512, 250, 28, 60, '#0003')}</g>`
  )
}

const onDogs = Object.fromEntries(Object.entries(worn).map(([name, wear]): [string, Shape] => [`dog-${name}`, (paint) => dog(paint, wear)]))

/** Outdoor things for dogs and those who walk them. */
export const dogShapes: Record<string, Shape> = {
  ...onDogs,
  leash: (p) =>
    line(
      'M250 250Q250 170 330 190Q380 210 340 290Q260 420 380 470Q520 520 540 400Q552 320 470 330Q392 350 440 470Q480 560 560 560',
      p.main,
      28,
    ) +
    line(
      'M250 250Q250 170 330 190Q380 210 340 290Q260 420 380 470Q520 520 540 400Q552 320 470 330Q392 350 440 470Q480 560 560 560',
      p.accent,
      6,
      '2 18',
    ) +
    line('M336 296Q270 330 250 250', p.dark, 28) +
    rect(540, 540, 70, 40, CHARCOAL, 12) +
    `<circle cx="634" cy="560" r="24" fill="none" stroke="${BRASS}" stroke-width="12"/>`,
  band: (p) =>
    `<ellipse cx="400" cy="420" rx="206" ry="150" fill="none" stroke="${p.dark}" stroke-width="62"/>` +
    `<ellipse cx="400" cy="404" rx="206" ry="150" fill="none" stroke="${p.main}" stroke-width="54"/>` +
    `<ellipse cx="400" cy="404" rx="206" ry="150" fill="none" stroke="${p.accent}" stroke-width="8" stroke-dasharray="18 14"/>` +
    rect(346, 520, 108, 74, CHARCOAL, 16) +
    rect(362, 536, 76, 42, '#4a4c50', 8) +
    disc(520, 606, 30, BRASS) +
    emblem('paw', 520, 606, 0.3, '#fff', '#fff'),
  dish: (p) =>
    oval(400, 606, 250, 40, p.deep) +
    area('M220 420H580L640 606Q400 660 160 606Z', p.main) +
    area('M510 420H580L640 606Q600 624 540 632Z', SHADE) +
    oval(400, 420, 180, 42, p.dark) +
    oval(400, 426, 156, 30, '#bcdcea') +
    emblem(p.motif, 392, 540, 0.75, p.mark, p.mark),
  bed: (p) =>
    rect(130, 430, 540, 206, p.main, 90) +
    oval(400, 470, 230, 84, p.light) +
    oval(400, 484, 200, 62, p.pale) +
    area('M140 540Q400 640 660 540Q660 636 580 636H220Q140 636 140 540Z', p.dark) +
    emblem(p.motif, 400, 596, 0.42, p.mark, p.accent),
  mat: (p) =>
    `<g transform="rotate(-6 400 400)">${rect(170, 220, 460, 380, p.main, 36)}${rect(170, 540, 460, 60, SHADE, 30)}` +
    [280, 380, 480].map((y) => line(`M200 ${y}H600`, p.dark, 6, '14 12')).join('') +
    `${rect(200, 250, 400, 320, SHINE, 26)}${emblem(p.motif, 400, 410, 1.5, p.mark, p.accent)}</g>`,
  crate: (p) =>
    rect(170, 260, 460, 376, p.main, 44) +
    rect(560, 260, 70, 376, SHADE, 40) +
    line('M320 262Q400 180 480 262', p.deep, 22) +
    rect(214, 312, 280, 280, p.deep, 34) +
    line('M250 330V574M300 320V584M350 320V584M400 320V584M450 330V574', p.light, 5) +
    emblem(p.motif, 562, 560, 0.4, p.mark, p.mark),
  rolltop: (p) =>
    area('M236 280H564L586 610Q586 636 560 636H240Q214 636 214 610Z', p.main) +
    area('M500 280H564L586 610Q586 636 560 636H520Z', SHADE) +
    rect(226, 196, 348, 50, p.dark, 24) +
    rect(240, 236, 320, 50, p.deep, 10) +
    rect(372, 230, 56, 60, CHARCOAL, 10) +
    line('M240 560Q160 420 236 300', CHARCOAL, 12) +
    emblem(p.motif, 400, 430, 1.1, p.mark, p.accent) +
    lettering(400, 560, 260, 40, p.label, p.mark),
  ball: (p) =>
    disc(400, 420, 190, p.main) +
    area('M400 230A190 190 0 0 1 400 610Q560 420 400 230Z', SHADE) +
    line('M250 304Q400 400 258 546M550 304Q400 400 542 546', p.paper, 20) +
    oval(330, 310, 40, 24, SHINE),
  tug: (p) =>
    line('M230 560Q300 380 400 410T580 250', p.main, 64) +
    line('M230 560Q300 380 400 410T580 250', p.accent, 60, '10 40') +
    disc(246, 526, 58, p.dark) +
    disc(566, 274, 58, p.dark) +
    line('M226 570L176 636M246 584L214 650M206 556L150 604', p.main, 16) +
    line('M586 232L636 170M566 222L596 150M604 250L660 204', p.main, 16),
  frisbee: (p) =>
    oval(400, 450, 250, 160, p.dark) +
    oval(400, 420, 250, 160, p.main) +
    `<ellipse cx="400" cy="420" rx="190" ry="116" fill="none" stroke="${p.light}" stroke-width="12"/>` +
    emblem(p.motif, 400, 416, 1.1, p.mark, p.accent),
  chew: (p) =>
    `<g transform="rotate(-24 400 400)">${rect(240, 350, 320, 104, p.main)}${[240, 560].map((x) => disc(x, 344, 72, p.main) + disc(x, 460, 72, p.main)).join('')}${rect(240, 414, 320, 40, SHADE)}${line('M300 384H500', p.light, 14, '2 34')}</g>`,
  jacket: (p) =>
    area('M286 230L180 300L140 560L220 580L262 420V636H538V420L580 580L660 560L620 300L514 230Z', p.main) +
    area('M470 230H514L620 300L660 560L580 580L538 420V636H490Z', SHADE) +
    area('M310 232Q400 140 490 232Q400 300 310 232Z', p.dark) +
    line('M400 262V636', p.accent, 10) +
    rect(286, 500, 84, 14, p.deep, 7) +
    rect(430, 500, 84, 14, p.deep, 7) +
    emblem(p.motif, 470, 366, 0.42, p.mark, p.accent),
  beanie: (p) =>
    disc(400, 214, 56, p.accent) +
    area('M220 520Q220 240 400 240T580 520Z', p.main) +
    line('M300 300V500M350 270V500M400 262V500M450 270V500M500 300V500', p.dark, 8) +
    rect(200, 490, 400, 116, p.dark, 40) +
    rect(350, 516, 100, 64, p.paper, 8) +
    emblem(p.motif, 400, 548, 0.42, p.print, p.accent),
  cap: (p) =>
    area('M216 520Q210 290 400 290T584 500L470 520Z', p.main) +
    area('M480 470Q640 470 690 556Q560 540 440 556Z', p.dark) +
    area('M216 520Q340 470 490 474L450 556Q300 520 216 520Z', p.deep) +
    disc(400, 288, 16, p.dark) +
    line('M400 290Q470 360 480 470', p.dark, 6) +
    emblem(p.motif, 340, 400, 0.8, p.mark, p.accent),
  crew: (p) =>
    [120, 0]
      .map(
        (shift) =>
          `<g transform="translate(${shift - 60} ${shift / 4})">${area('M290 180H420V430L540 540Q580 590 520 620Q470 640 420 600L290 490Z', p.main)}${rect(290, 180, 130, 54, p.accent)}${rect(290, 262, 130, 20, p.paper)}${rect(290, 300, 130, 20, p.paper)}${area('M500 506L540 540Q580 590 520 620Q500 628 476 626Q520 570 500 506Z', p.dark)}</g>`,
      )
      .join(''),
  tag: (p) =>
    `<circle cx="400" cy="210" r="46" fill="none" stroke="${STEEL_DARK}" stroke-width="16"/>` +
    disc(400, 430, 190, p.dark) +
    disc(400, 422, 184, p.main) +
    disc(400, 282, 20, p.deep) +
    emblem(p.motif, 400, 400, 1, p.mark, p.mark) +
    lettering(400, 530, 220, 52, p.label, p.mark),
  roll: (p) =>
    oval(400, 600, 150, 36, p.deep) +
    rect(250, 300, 300, 300, p.main) +
    rect(480, 300, 70, 300, SHADE) +
    oval(400, 300, 150, 40, p.light) +
    oval(400, 300, 54, 15, p.deep) +
    line('M250 430H550', p.paper, 5, '14 12') +
    emblem(p.motif, 390, 510, 0.7, p.mark, p.mark),
  tool: (p) =>
    rect(366, 330, 68, 300, p.main, 30) +
    rect(408, 330, 26, 300, SHADE, 13) +
    area('M350 200Q340 320 380 340H420Q460 320 450 200L412 280H388Z', STEEL) +
    disc(400, 590, 14, p.paper),
}
