-- Every change of a merchant, its home or its domains is announced on the channel souk_directory with the merchant's
-- id, by the database itself, so that no writer can forget to. Delivered at the commit; equal ones are sent once.

create function platform.announce() returns trigger
  language plpgsql
  set search_path = pg_catalog
  as $$
declare
  before jsonb := case when tg_op = 'INSERT' then '{}' else to_jsonb(old) end;
  after  jsonb := case when tg_op = 'DELETE' then '{}' else to_jsonb(new) end;
begin
  perform pg_notify('souk_directory', id)
  from unnest(array[before ->> tg_argv[0], after ->> tg_argv[0]]) as id
  where id is not null;
  return null;
end $$;
revoke execute on function platform.announce() from public;

create trigger announce after insert or update or delete on platform.merchant for each row execute function platform.announce('id');
create trigger announce after insert or update or delete on platform.home for each row execute function platform.announce('merchant_id');
create trigger announce after insert or update or delete on platform.domain for each row execute function platform.announce('merchant_id');
