-- By the database's clock no reservation is active half a minute after its time.
select merchant_id, id, cart_id, order_id, expires_at from stock_reservation
where status = 'active' and expires_at < now() - interval '30 seconds'
