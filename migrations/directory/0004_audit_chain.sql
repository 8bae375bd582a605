-- What admins do is a chain, as the audit log of a merchant is: see cell/0026.

create table platform.audit_chain (
  singleton boolean primary key default true check (singleton),
  sequence  bigint not null,
  hash      text not null
);
insert into platform.audit_chain (sequence, hash) values (0, '');
grant select on platform.audit_chain to souk_platform;

alter table platform.audit add sequence bigint, add previous_hash text, add hash text;

create function platform.audit_hash(entry platform.audit) returns text
  language sql stable
  set search_path = pg_catalog
  as $$
    select encode(sha256(convert_to(jsonb_build_array(entry.sequence, entry.previous_hash, entry.id, entry.admin_id, entry.action,
      entry.merchant_id, entry.data, to_char(entry.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text, 'UTF8')), 'hex')
  $$;

-- With the rights of its owner: who writes an entry cannot write the chain's end.
create function platform.chain_audit_entry() returns trigger
  language plpgsql volatile security definer
  set search_path = pg_catalog
  as $$
begin
  update platform.audit_chain set sequence = sequence + 1 returning sequence, hash into new.sequence, new.previous_hash;
  new.hash := platform.audit_hash(new);
  update platform.audit_chain set hash = new.hash;
  return new;
end $$;
revoke execute on function platform.audit_hash(platform.audit), platform.chain_audit_entry() from public;
grant execute on function platform.audit_hash(platform.audit) to souk_platform;

do $$
declare
  entry  platform.audit;
  head   text := '';
  number bigint := 0;
begin
  for entry in select * from platform.audit order by id loop
    number := number + 1;
    entry.sequence := number;
    entry.previous_hash := head;
    head := platform.audit_hash(entry);
    update platform.audit set sequence = number, previous_hash = entry.previous_hash, hash = head where id = entry.id;
  end loop;
  update platform.audit_chain set sequence = number, hash = head;
end $$;

alter table platform.audit alter sequence set not null, alter previous_hash set not null, alter hash set not null;
create unique index on platform.audit (sequence);
create trigger chain before insert on platform.audit for each row execute function platform.chain_audit_entry();
