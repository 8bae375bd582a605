-- Which database a cell is, by whatever address it is reached: two cells in service are never the same one, also when two admins
-- register it at the same moment, or one of the two does not answer.

alter table platform.cell add column identity text;
-- allow require-concurrent-index-creation: a handful of rows, of which none has an identity yet.
create unique index cell_identity on platform.cell (identity) where status <> 'retired';
