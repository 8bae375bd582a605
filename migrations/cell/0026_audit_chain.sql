-- The audit log of a merchant is a chain: every entry has a number, and a hash over itself and the hash before it. An entry that is
-- edited, taken out or put elsewhere breaks it at that place; one that is cut off its end differs from audit_chain.

-- How far a merchant's chain reaches. Its row is locked by whoever appends, until the commit: entries are chained in the order in
-- which they become visible.
create table audit_chain (
  merchant_id uuid primary key,
  sequence    bigint not null,
  hash        text not null
);
select app.protect('audit_chain', 'select, insert, update');

alter table audit_entry add sequence bigint, add previous_hash text, add hash text;

-- SHA-256 over the canonical text of a JSON array: that of jsonb, with the moment in UTC and microseconds.
create function app.audit_hash(entry audit_entry) returns text
  language sql stable
  set search_path = pg_catalog
  as $$
    select encode(sha256(convert_to(jsonb_build_array(entry.merchant_id, entry.sequence, entry.previous_hash, entry.id, entry.action,
      entry.target_type, entry.target_id, entry.before, entry.after, entry.reason, entry.actor, entry.actor_id,
      to_char(entry.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text, 'UTF8')), 'hex')
  $$;

-- Whatever was given for the three is overwritten. The counter is locked first: a transaction that also records an event locks the
-- two in the same order, whichever it does first.
create function app.chain_audit_entry() returns trigger
  language plpgsql volatile
  set search_path = pg_catalog
  as $$
begin
  perform 1 from public.merchant_counter where merchant_id = new.merchant_id for no key update;
  insert into public.audit_chain as c (merchant_id, sequence, hash) values (new.merchant_id, 1, '')
  on conflict (merchant_id) do update set sequence = c.sequence + 1
  returning c.sequence, c.hash into new.sequence, new.previous_hash;
  new.hash := app.audit_hash(new);
  update public.audit_chain set hash = new.hash where merchant_id = new.merchant_id;
  return new;
end $$;
revoke execute on function app.audit_hash(audit_entry), app.chain_audit_entry() from public;
grant execute on function app.audit_hash(audit_entry), app.chain_audit_entry() to souk_app;

-- What is there already, in the order of its ids. The owner is past row security for as long as this takes.
alter table audit_entry no force row level security;
alter table audit_chain no force row level security;
do $$
declare
  entry    audit_entry;
  merchant uuid;
  head     text := '';
  number   bigint := 0;
begin
  for entry in select * from audit_entry order by merchant_id, id loop
    if entry.merchant_id is distinct from merchant then
      merchant := entry.merchant_id;
      head := '';
      number := 0;
    end if;
    number := number + 1;
    entry.sequence := number;
    entry.previous_hash := head;
    head := app.audit_hash(entry);
    update audit_entry set sequence = number, previous_hash = entry.previous_hash, hash = head
    where merchant_id = entry.merchant_id and id = entry.id;
    insert into audit_chain (merchant_id, sequence, hash) values (merchant, number, head)
    on conflict (merchant_id) do update set sequence = excluded.sequence, hash = excluded.hash;
  end loop;
end $$;
alter table audit_entry force row level security;
alter table audit_chain force row level security;

alter table audit_entry alter sequence set not null, alter previous_hash set not null, alter hash set not null;
create index on audit_entry (merchant_id, sequence, id);
create trigger chain before insert on audit_entry for each row execute function app.chain_audit_entry();
