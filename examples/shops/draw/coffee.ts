import {
  area,
  BRASS,
  CHARCOAL,
  disc,
  emblem,
  GLASS,
  lettering,
  line,
  oval,
  rect,
  SHADE,
  SHINE,
  type Shape,
  STEEL,
  STEEL_DARK,
  WOOD,
} from './marks.ts'

const COFFEE = '#4a2c1d'

/** Things a coffee roaster sells, seen from the front and standing on a table. */
export const coffeeShapes: Record<string, Shape> = {
  bag: (p) =>
    area('M248 236H552L574 632Q400 652 226 632Z', p.main) +
    area('M486 236H552L574 632Q540 638 500 640Z', SHADE) +
    area('M252 170H548L552 240H248Z', p.dark) +
    rect(236, 214, 328, 22, p.deep, 6) +
    disc(400, 276, 11, p.dark) +
    rect(290, 312, 220, 262, p.paper, 10) +
    emblem(p.motif, 400, 396, 0.95, p.print, p.accent) +
    rect(330, 484, 140, 3, p.accent) +
    lettering(400, 528, 200, 36, p.label, p.deep) +
    rect(362, 546, 76, 5, p.light),
  tin: (p) =>
    rect(262, 262, 276, 374, p.main, 26) +
    rect(478, 262, 60, 374, SHADE, 26) +
    rect(250, 200, 300, 76, p.dark, 20) +
    rect(350, 170, 100, 34, p.deep, 14) +
    rect(262, 376, 276, 150, p.paper) +
    emblem(p.motif, 400, 430, 0.6, p.print, p.accent) +
    lettering(400, 508, 230, 30, p.label, p.deep),
  dripper: (p) =>
    line('M548 320Q650 330 590 420Q566 452 512 450', p.dark, 26) +
    area('M232 280H568L462 500H338Z', p.main) +
    area('M500 280H568L462 500H430Z', SHADE) +
    oval(400, 280, 168, 34, p.dark) +
    oval(400, 284, 146, 24, p.deep) +
    line('M300 340L348 470M360 346L376 474M440 346L424 474', p.light, 7) +
    rect(282, 496, 236, 26, p.dark, 13) +
    area('M312 522H488L476 636H324Z', GLASS) +
    area('M320 590H480L476 636H324Z', COFFEE),
  server: (p) =>
    line('M540 300Q660 320 604 470Q586 508 556 516', p.main, 24) +
    area('M330 200H470L480 300Q590 420 560 600Q554 636 520 636H280Q246 636 240 600Q210 420 320 300Z', GLASS) +
    area('M232 470H568Q570 560 560 600Q554 636 520 636H280Q246 636 240 600Q230 560 232 470Z', COFFEE) +
    rect(318, 276, 164, 46, p.main, 10) +
    line('M280 360Q244 430 254 520', '#fff', 12) +
    area('M330 200H470L440 180H318Z', p.dark),
  filter: (p) =>
    area('M226 270Q400 190 574 270L446 596Q400 626 354 596Z', p.light) +
    area('M250 300Q400 226 550 300L436 596Q400 622 364 596Z', p.paper) +
    line('M548 312L438 588', p.main, 5, '4 14') +
    line('M300 340L372 570M400 316V596', p.light, 4) +
    lettering(400, 420, 170, 44, p.label, p.print),
  press: (p) =>
    line('M540 330H620Q640 330 640 350V500Q640 520 620 520H540', p.dark, 28) +
    rect(270, 270, 260, 350, GLASS, 16) +
    rect(270, 410, 260, 210, COFFEE, 16) +
    rect(392, 150, 16, 260, STEEL_DARK) +
    rect(282, 396, 236, 16, STEEL) +
    disc(400, 146, 30, p.main) +
    rect(256, 238, 288, 46, p.main, 18) +
    rect(256, 590, 288, 48, p.main, 16) +
    rect(300, 300, 18, 270, SHINE, 9),
  moka: (p) =>
    line('M500 270H600Q616 270 612 290L590 390', CHARCOAL, 30) +
    area('M300 230H500L470 410H330Z', p.main) +
    area('M300 230L256 262L318 300Z', p.main) +
    area('M440 230H500L470 410H430Z', SHADE) +
    area('M312 230L400 186L488 230Z', p.dark) +
    disc(400, 176, 20, CHARCOAL) +
    rect(318, 404, 164, 30, p.dark, 6) +
    area('M322 434H478L520 636H280Z', p.main) +
    area('M436 434H478L520 636H452Z', SHADE) +
    disc(352, 530, 13, p.deep),
  kettle: (p) =>
    line('M548 320Q690 330 640 540', CHARCOAL, 30) +
    line('M296 570Q190 560 206 420Q212 340 156 326', p.dark, 24) +
    area('M310 300H490Q560 420 556 600Q554 636 520 636H280Q246 636 244 600Q240 420 310 300Z', p.main) +
    area('M450 300H490Q560 420 556 600Q554 636 520 636H480Q520 460 450 300Z', SHADE) +
    rect(300, 272, 200, 36, p.dark, 14) +
    rect(376, 232, 48, 44, CHARCOAL, 14) +
    emblem(p.motif, 392, 480, 0.6, p.mark, p.mark),
  grinder: (p) =>
    line('M400 186L590 168', STEEL_DARK, 18) +
    disc(598, 156, 30, WOOD) +
    rect(312, 206, 176, 240, p.main, 22) +
    rect(446, 206, 42, 240, SHADE, 20) +
    rect(328, 180, 144, 34, STEEL, 10) +
    rect(306, 440, 188, 30, p.deep, 8) +
    area('M318 470H482L470 636H330Z', p.dark) +
    emblem(p.motif, 396, 326, 0.6, p.mark, p.accent),
  scale: (p) =>
    rect(190, 500, 420, 120, p.main, 28) +
    rect(190, 580, 420, 40, SHADE, 20) +
    rect(216, 476, 368, 34, p.dark, 12) +
    rect(318, 526, 164, 54, '#101214', 12) +
    lettering(400, 568, 150, 42, '18.0 g', '#9fe8c8') +
    disc(262, 552, 15, p.light) +
    disc(538, 552, 15, p.light),
  jug: (p) =>
    line('M512 300Q640 300 606 450Q590 520 530 530', p.dark, 28) +
    area('M270 250L214 226L286 330Z', p.main) +
    area('M262 240H520L556 600Q556 636 520 636H280Q244 636 246 600Z', p.main) +
    area('M450 240H520L556 600Q556 636 520 636H470Z', SHADE) +
    oval(391, 242, 130, 24, p.deep) +
    rect(296, 300, 18, 280, SHINE, 9),
  tamper: (p) =>
    oval(400, 250, 66, 54, p.main) +
    area('M344 270H456L430 470H370Z', p.main) +
    area('M420 270H456L430 470H408Z', SHADE) +
    rect(364, 460, 72, 40, BRASS, 8) +
    rect(264, 500, 272, 56, STEEL, 12) +
    rect(264, 556, 272, 46, STEEL_DARK, 12),
  cup: (p) =>
    line('M520 400Q624 392 600 480Q580 530 506 524', p.dark, 24) +
    oval(400, 612, 236, 34, p.dark) +
    oval(400, 602, 236, 30, p.main) +
    oval(400, 598, 120, 14, p.dark) +
    area('M250 350H550Q556 590 400 600Q244 590 250 350Z', p.main) +
    area('M486 350H550Q554 580 410 600Q500 540 486 350Z', SHADE) +
    oval(400, 350, 150, 36, p.light) +
    oval(400, 354, 130, 26, COFFEE) +
    oval(392, 352, 56, 10, '#c58f5c') +
    emblem(p.motif, 390, 470, 0.5, p.mark, p.mark),
  bowl: (p) =>
    area('M196 360H604Q600 620 470 630H330Q200 620 196 360Z', p.main) +
    area('M520 360H604Q600 620 470 630H430Q540 560 520 360Z', SHADE) +
    oval(400, 360, 204, 46, p.light) +
    oval(400, 366, 180, 34, '#b98355') +
    line('M330 364Q400 344 470 364', '#f2e3cf', 10) +
    rect(322, 622, 156, 20, p.dark, 8) +
    emblem(p.motif, 390, 500, 0.6, p.mark, p.mark),
  mug: (p) =>
    line('M520 340Q650 330 636 450Q620 546 520 540', p.dark, 32) +
    rect(250, 270, 290, 366, p.main, 30) +
    area('M460 270H540V606Q540 636 510 636H460Z', SHADE) +
    oval(395, 276, 145, 30, p.light) +
    oval(395, 280, 124, 22, COFFEE) +
    emblem(p.motif, 386, 450, 0.95, p.mark, p.accent) +
    lettering(386, 566, 200, 30, p.label, p.mark),
  tumbler: (p) =>
    area('M274 260H526L496 616Q494 636 474 636H326Q306 636 304 616Z', p.main) +
    area('M450 260H526L496 616Q494 636 474 636H440Z', SHADE) +
    rect(258, 204, 284, 64, p.dark, 22) +
    rect(300, 176, 90, 34, p.deep, 12) +
    area('M284 380H516L508 480H292Z', p.accent) +
    emblem(p.motif, 400, 430, 0.6, p.mark, p.mark),
  glass: (p) =>
    area('M266 230H534L500 610Q498 636 470 636H330Q302 636 300 610Z', GLASS) +
    area('M292 300H508Q520 570 400 592Q280 570 292 300Z', COFFEE) +
    area('M292 300H508L506 370Q400 400 294 370Z', '#e8d3b4') +
    oval(400, 232, 134, 24, '#f4fafb') +
    line('M300 280L322 560', '#fff', 10) +
    rect(330, 622, 140, 14, p.light, 7),
  bar: (p) =>
    rect(266, 170, 268, 470, '#d9b878', 6) +
    rect(278, 190, 244, 90, '#6b3f26', 6) +
    line('M360 190V280M440 190V280M278 236H522', '#4f2c19', 6) +
    rect(256, 270, 288, 376, p.main, 8) +
    rect(490, 270, 54, 376, SHADE, 8) +
    emblem(p.motif, 400, 400, 1, p.mark, p.accent) +
    lettering(400, 540, 240, 38, p.label, p.mark),
  spoon: (p) =>
    rect(380, 170, 44, 330, p.main, 20) +
    disc(402, 200, 10, p.deep) +
    disc(402, 520, 104, p.dark) +
    disc(402, 520, 82, p.deep) +
    oval(402, 512, 56, 36, COFFEE),
  ticket: (p) =>
    area('M190 300H610V370A32 32 0 0 0 610 434V520H190V434A32 32 0 0 0 190 370Z', p.main) +
    line('M500 312V508', p.paper, 5, '6 14') +
    emblem(p.motif, 330, 372, 0.75, p.mark, p.accent) +
    lettering(340, 482, 270, 40, p.label, p.mark) +
    lettering(556, 424, 90, 44, '1', p.mark),
}
