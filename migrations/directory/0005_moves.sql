-- Moves of merchants between cells: what was asked, how far it is, and what was made for it elsewhere. The state in the row is
-- the authority: every step compares it before it sets the next one, together with the merchant's home where that changes.

create table platform.move (
  id             uuid primary key default uuidv7(),
  merchant_id    uuid not null references platform.merchant (id),
  from_cell      text not null references platform.cell (name),
  to_cell        text not null references platform.cell (name),
  state          text not null default 'requested' check (state in (
    'requested', 'preflight', 'seeding', 'catching_up', 'verifying', 'fencing', 'unfencing', 'switched', 'watching',
    'retiring', 'done', 'aborting', 'aborted', 'rolling_back', 'rolled_back')),
  -- 'back' from the moment a rollback is asked for until it has happened or failed.
  direction      text not null default 'forward' check (direction in ('forward', 'back')),
  -- The merchant's epoch when the move was asked for. It is one more after the switch, and two more after a rollback.
  epoch          bigint not null check (epoch > 0),
  requested_by   uuid references platform.admin (id),
  requested_at   timestamptz not null,
  state_since    timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  -- When retirement begins if nobody says otherwise. Set at the switch.
  watch_until    timestamptz,
  -- The last trouble, if any: of a move that goes on, what it is trying again.
  failure        text,
  figures        jsonb not null default '{}',
  -- The fence of the attempt at hand, and when anybody may lift it. Numbers grow over all moves: a late fence is known by its.
  fence          bigint,
  fence_until    timestamptz,
  fence_attempts integer not null default 0,
  lease_owner    uuid,
  lease_until    timestamptz not null default '-infinity',
  check (from_cell <> to_cell)
);
create unique index one_unfinished_move on platform.move (merchant_id) where state not in ('done', 'aborted', 'rolled_back');
create index unfinished_moves on platform.move (id) where state not in ('done', 'aborted', 'rolled_back');
create index on platform.move (merchant_id, id);
create sequence platform.move_fence;

-- What a move makes outside this database. A row is committed before its object is made and goes after it is gone: whatever dies
-- in between, all that is left behind can be read here.
create table platform.move_object (
  move_id    uuid not null references platform.move (id) on delete cascade,
  cell       text not null references platform.cell (name),
  kind       text not null check (kind in ('publication', 'slot', 'subscription', 'rows')),
  -- For rows: the merchant's id.
  name       text not null,
  created_at timestamptz not null default now(),
  primary key (move_id, cell, kind, name)
);

create function platform.announce_move() returns trigger
  language plpgsql set search_path = pg_catalog
  as $$
begin
  perform pg_notify('souk_moves', new.id::text);
  return null;
end $$;
revoke execute on function platform.announce_move() from public;
create trigger announce after insert or update of state, direction on platform.move for each row execute function platform.announce_move();

-- The switch: the move's state and the merchant's home in one. Only for whoever put up the fence that stands, and only in its time.
create function platform.switch_home(move uuid, with_fence bigint, owner uuid, watch interval) returns bigint
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
declare
  m         platform.move;
  new_epoch bigint;
begin
  select * into m from platform.move o
  where o.id = move and o.state = 'fencing' and o.fence = with_fence and o.lease_owner = owner and o.fence_until > clock_timestamp()
  for update;
  if not found then
    raise exception 'the time of this fence is over' using errcode = 'MV005';
  end if;
  new_epoch := m.epoch + case m.direction when 'forward' then 1 else 2 end;
  update platform.home h set cell = case m.direction when 'forward' then m.to_cell else m.from_cell end, epoch = new_epoch
  where h.merchant_id = m.merchant_id and h.epoch = new_epoch - 1
    and h.cell = case m.direction when 'forward' then m.from_cell else m.to_cell end;
  if not found then
    raise exception 'the directory says that the merchant lives elsewhere' using errcode = 'MV003';
  end if;
  update platform.move o
  set state = 'switched', state_since = clock_timestamp(), updated_at = clock_timestamp(), failure = null,
    watch_until = coalesce(o.watch_until, now() + watch)
  where o.id = m.id;
  return new_epoch;
end $$;
revoke execute on function platform.switch_home(uuid, bigint, uuid, interval) from public;

grant select, insert, update on platform.move to souk_platform;
grant select on platform.move_object to souk_platform;

-- What movers may do here. To be called again, as souk_owner, where souk_mover is made after this migration.
create function platform.grant_to_mover() returns void
  language plpgsql set search_path = pg_catalog
  as $$
begin
  if not exists (select from pg_roles where rolname = 'souk_mover') then
    return;
  end if;
  grant usage on schema platform to souk_mover;
  grant select on platform.cell, platform.merchant, platform.home, platform.move to souk_mover;
  grant execute on function platform.switch_home(uuid, bigint, uuid, interval) to souk_mover;
  grant update on platform.move to souk_mover;
  grant select, insert, delete on platform.move_object to souk_mover;
  grant usage on sequence platform.move_fence to souk_mover;
end $$;
revoke execute on function platform.grant_to_mover() from public;
select platform.grant_to_mover();
