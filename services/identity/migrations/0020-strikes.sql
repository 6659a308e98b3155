-- Who suspended: an operator, or the strikes of orders that were not paid. Only the latter end by paying.
alter table suspensions
  add column cause text not null default 'operator' check (cause in ('operator', 'strikes'));

-- The last that order published of the strikes of a user; what is older comes too late.
create table strike_reports (
  user_id uuid primary key references users (id) on delete cascade,
  sequence bigint not null check (sequence >= 1)
);
