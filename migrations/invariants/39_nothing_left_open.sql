-- After the work is done: no transaction of ours is left open, no lock on a merchant is held, no index or heap is broken.
-- The oldest first, with how long it has been open.
select pid::text, usename::text, 'idle in transaction' as problem, extract(epoch from clock_timestamp() - xact_start)::float8 as seconds
from pg_stat_activity
where datname = current_database() and usename like 'souk\_%' and state like 'idle in transaction%'
union all
select l.pid::text, a.usename::text, 'advisory lock held', extract(epoch from clock_timestamp() - a.xact_start)::float8
from pg_locks l join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and a.datname = current_database() and a.usename = 'souk_app'
order by seconds desc nulls last
