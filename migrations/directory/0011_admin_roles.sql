-- What an admin may do, and how somebody who is invited comes by a password. Those who are there may do everything, as before.

alter table platform.admin
  add column role                      text not null default 'owner' check (role in ('owner', 'operator', 'viewer')),
  add column password_token_hash       text,
  add column password_token_expires_at timestamptz;

-- allow ban-drop-not-null: to the release before, whoever has no password is somebody who gave a wrong one.
alter table platform.admin alter column password_hash drop not null;
