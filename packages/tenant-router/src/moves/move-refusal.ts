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
 * - `has_ended`: nothing of the move waits for a cell any more.
 * - `not_of_the_move`: the move is between two other cells.
 * - `lives_there`: the cell is the merchant's home, without which a move cannot end.
 * - `already_lost`: a cell of the move was given up before.
 * - `cell_answers`: the cell is not gone.
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
  | 'has_ended'
  | 'not_of_the_move'
  | 'lives_there'
  | 'already_lost'
  | 'cell_answers'

export class MoveRefusal extends Error {
  readonly code: MoveRefusalCode

  constructor(code: MoveRefusalCode) {
    super(`The move was refused: ${code}.`)
    this.name = 'MoveRefusal'
    this.code = code
  }
}
