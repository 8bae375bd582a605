-- Cells as a fleet: what the last look at each has found, who may come to live there, and how running processes hear of a
-- change. Addresses are secrets and are not here.

alter table platform.cell add column checked_at timestamptz;
alter table platform.cell add column findings jsonb;

-- API and worker processes look at their addresses again when they hear of this.
create function platform.announce_cells() returns trigger
  language plpgsql set search_path = pg_catalog
  as $$
begin
  perform pg_notify('souk_cells', '');
  return null;
end $$;
revoke execute on function platform.announce_cells() from public;
create trigger announce after insert or delete or update of kind, status on platform.cell
  for each statement execute function platform.announce_cells();

create function platform.cells() returns table (name text, kind text, status text)
  language sql stable security definer set search_path = pg_catalog
  as $$ select c.name, c.kind, c.status from platform.cell c order by c.name $$;
revoke execute on function platform.cells() from public;
grant execute on function platform.cells() to souk_app, souk_platform;

-- CE001: the cell takes nobody. A new merchant needs an open one; a move may also go back to one that is being drained.
-- CE002: a dedicated cell has its merchant. The cell's row is held, so that neither its status nor a second merchant slips
-- past the check.
create function platform.guard_home() returns trigger
  language plpgsql security definer set search_path = pg_catalog
  as $$
declare
  alone boolean := (select kind = 'dedicated' from platform.cell where name = new.cell);
  host  platform.cell;
begin
  if tg_op = 'UPDATE' and new.cell = old.cell then
    return new;
  end if;
  if alone then
    select * into host from platform.cell where name = new.cell for no key update;
  else
    select * into host from platform.cell where name = new.cell for share;
  end if;
  if (host.kind = 'dedicated') <> alone then
    raise exception 'the cell % has just become %', new.cell, host.kind using errcode = 'serialization_failure';
  end if;
  if host.status = 'retired' or (host.status = 'draining' and tg_op = 'INSERT') then
    raise exception 'the cell % is % and takes no merchant', new.cell, host.status using errcode = 'CE001';
  end if;
  if host.kind = 'dedicated' and exists (select from platform.home where cell = new.cell and merchant_id <> new.merchant_id) then
    raise exception 'the dedicated cell % has its merchant', new.cell using errcode = 'CE002';
  end if;
  return new;
end $$;
revoke execute on function platform.guard_home() from public;
create trigger guard before insert or update of cell on platform.home for each row execute function platform.guard_home();

-- CE003: a cell that merchants live in, or that a move still needs, is not retired; one with several is not dedicated. The row
-- is locked by now, and each query here sees what was committed before that.
create function platform.guard_cell() returns trigger
  language plpgsql security definer set search_path = pg_catalog
  as $$
declare
  living bigint := (select count(*) from platform.home where cell = new.name);
  moving bigint := (
    select count(*) from platform.move where new.name in (from_cell, to_cell) and state not in ('done', 'aborted', 'rolled_back'));
begin
  if new.status = 'retired' and living + moving > 0 then
    raise exception '% merchants live in the cell %, and % moves need it', living, new.name, moving using errcode = 'CE003';
  end if;
  if new.kind = 'dedicated' and living > 1 then
    raise exception '% merchants live in the cell %', living, new.name using errcode = 'CE003';
  end if;
  return new;
end $$;
revoke execute on function platform.guard_cell() from public;
create trigger guard before update of kind, status on platform.cell for each row execute function platform.guard_cell();
