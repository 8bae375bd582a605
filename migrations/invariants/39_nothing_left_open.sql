-- After the work is done: no transaction of ours is left open, no lock on a merchant is held, no index or heap is broken.
select pid::text, usename::text, 'idle in transaction' as problem
from pg_stat_activity
where datname = current_database() and usename like 'souk\_%' and state like 'idle in transaction%'
union all
select l.pid::text, a.usename::text, 'advisory lock held'
from pg_locks l join pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and a.datname = current_database() and a.usename = 'souk_app'
