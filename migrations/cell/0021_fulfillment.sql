-- Who works for a merchant and what they may do; and how goods leave it: pick, pack, ship, deliver, take back.

-- A member who was invited has no password until they set one with a token, of which only the hash is kept.
alter table staff drop constraint staff_role_check;
alter table staff
  add constraint staff_role_check check (role in ('owner', 'manager', 'support', 'warehouse', 'courier')),
  alter column password_hash drop not null,
  add column password_token_hash text,
  add column password_token_expires_at timestamptz,
  add constraint tokens_expire check ((password_token_hash is null) = (password_token_expires_at is null));
