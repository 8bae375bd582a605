-- E-mail to buyers: what it says, what was sent, and how far the event log has been read for it.

-- A merchant's own words instead of ours. locale '' is for everybody without words of their own.
create table mail_template (
  merchant_id uuid not null,
  name        text not null,
  locale      text not null default '',
  subject     text not null,
  text_body   text not null,
  html_body   text,
  version     bigint not null default 1,
  updated_at  timestamptz not null default now(),
  primary key (merchant_id, name, locale)
);
select app.protect('mail_template');

-- storefront_url: where the links in mails lead; null: to the merchant's host here.
create table mail_settings (
  merchant_id    uuid primary key,
  sender_name    text,
  reply_to       text,
  storefront_url text,
  version        bigint not null default 1,
  updated_at     timestamptz not null default now()
);
select app.protect('mail_settings');

-- One mail. key: what it is about, so that nothing is mailed twice. data: ids; the words are made when it is sent and kept nowhere.
-- recipient is emptied when the person is forgotten.
create table mail_message (
  merchant_id uuid not null,
  id          uuid not null default uuidv7(),
  key         text not null,
  template    text not null,
  recipient   text,
  locale      text,
  data        jsonb not null,
  status      text not null default 'queued' check (status in ('queued', 'sent', 'failed', 'dropped')),
  problem     text,
  created_at  timestamptz not null default now(),
  settled_at  timestamptz,
  primary key (merchant_id, id),
  unique (merchant_id, key),
  constraint settled_when_not_queued check ((status = 'queued') = (settled_at is null))
);
create index on mail_message (merchant_id, created_at) where status = 'queued';
create index on mail_message (merchant_id, settled_at);
create index on mail_message (merchant_id, recipient) where recipient is not null;
select app.protect('mail_message');

-- Up to which event of the log mails have been queued.
create table mail_follower (
  merchant_id uuid primary key,
  position    bigint not null default 0 check (position >= 0),
  updated_at  timestamptz not null default now()
);
select app.protect('mail_follower');
