/**
 * Why a wish about a move is not granted.
 * - `merchant_unknown`, `cell_unknown`, `move_unknown`: there is none, or it is not ready to be moved.
 * - `already_there`: the merchant lives in that cell.
 * - `already_moving`: a move of the merchant has not ended.
 * - `cell_closed`: the cell is being drained, or retired.
 * - `cell_taken`: the cell is dedicated to another merchant.
 * - `too_late`: the move is switching, or has switched; it can only be rolled back.
 * - `not_watching`: the move has not switched yet, or has ended.
 * - `no_way_back`: the old home could not be kept up to date; a new move leads back.
 */
export type MoveRefusalCode =
  | 'merchant_unknown'
  | 'cell_unknown'
  | 'move_unknown'
  | 'already_there'
  | 'already_moving'
  | 'cell_closed'
  | 'cell_taken'
  | 'too_late'
  | 'not_watching'
  | 'no_way_back'

export class MoveRefusal extends Error {
  readonly code: MoveRefusalCode

  constructor(code: MoveRefusalCode) {
    super(`The move was refused: ${code}.`)
    this.name = 'MoveRefusal'
    this.code = code
  }
}
