-- Who changed what, when and why: promotions, coupons, taxes, shipping, plugins and other settings that decide prices.

-- Append-only. before and after are the thing's documents; of one that is too large for a log, its digest. target_id is the
-- thing that was changed; actor_id is taken out of actor to be found by. Ids grow with the time, so a time is a range of ids.
create table audit_entry (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  action      text not null,
  target_type text not null,
  target_id   uuid not null,
  before      jsonb,
  after       jsonb,
  reason      text not null,
  actor       jsonb not null,
  actor_id    uuid,
  occurred_at timestamptz not null default now(),
  primary key (merchant_id, id)
);
create index on audit_entry (merchant_id, target_id, id);
create index on audit_entry (merchant_id, target_type, id);
create index on audit_entry (merchant_id, action, id);
create index on audit_entry (merchant_id, actor_id, id);
select app.protect('audit_entry', 'select, insert');
