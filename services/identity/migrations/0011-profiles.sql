-- What people tell of themselves. Who has no row has told nothing; the user is the key, so there is
-- no second profile.
create table profiles (
  user_id uuid primary key references users (id) on delete cascade,
  -- E.164. Only its owner is shown it.
  phone text check (phone ~ '^\+[1-9][0-9]{6,14}$'),
  phone_verified_at timestamptz,
  -- ISO 3166-1 alpha-2.
  country text check (country ~ '^[A-Z]{2}$'),
  city text check (length(city) between 1 and 160),
  description text check (length(description) between 1 and 1000),
  is_business boolean not null default false,
  updated_at timestamptz not null default clock_timestamp(),
  constraint profile_verified_phone_is_there check (phone is not null or phone_verified_at is null)
);

-- Photos as we encoded them: WebP of at most 512 pixels, without metadata.
create table profile_photos (
  user_id uuid primary key references users (id) on delete cascade,
  digest bytea not null check (octet_length(digest) = 32),
  content bytea not null check (octet_length(content) between 1 and 204800),
  updated_at timestamptz not null default clock_timestamp()
);
-- Encoded already: compressing again only costs.
alter table profile_photos alter column content set storage external;
