-- A cell that is gone for good does not keep a move from ending: whoever carries it out asks that cell nothing any more.

alter table platform.move add column lost_cell text check (lost_cell in (from_cell, to_cell));

-- What is left there stays noted in platform.move_object after the move has ended; whoever gives the cell up notes the rows of the
-- merchant, which a move notes only as it begins to remove them.
grant insert on platform.move_object to souk_platform;
