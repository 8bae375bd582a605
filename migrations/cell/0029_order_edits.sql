-- Edits of orders that are paid, refunded in part, or taxed by a plugin.
-- repaid_total: of what was refunded, what edits had made too much. Unlike what was given back for good it is owed again when the
-- order grows.
alter table orders add column repaid_total bigint not null default 0;

-- The edit whose excess a refund gives back; null for every other refund. It refers to order_edit; no foreign key, since that would
-- make everybody wait who refunds while it is checked.
alter table refund add column edit_id uuid;

-- Whether the edit let the promotions have their say anew.
alter table order_edit add column recounts_promotions boolean not null default false;
