-- Lengths are judged in characters as people count them, of which one may have many code points; the
-- database bounds bytes. The older checks were stricter, so no row needs to be looked at.
alter table users
  drop constraint users_name_check,
  add constraint users_name_check check (octet_length(name) between 1 and 1700) not valid;
alter table registrations
  drop constraint registrations_name_check,
  add constraint registrations_name_check check (octet_length(name) between 1 and 1700) not valid;
alter table passkeys
  drop constraint passkeys_name_check,
  add constraint passkeys_name_check check (octet_length(name) between 1 and 1700) not valid;
alter table suspensions
  drop constraint suspensions_reason_check,
  add constraint suspensions_reason_check
    check (octet_length(reason) between 1 and 4000) not valid;
alter table profiles
  drop constraint profiles_city_check,
  drop constraint profiles_description_check,
  add constraint profiles_city_check check (octet_length(city) between 1 and 3200) not valid,
  add constraint profiles_description_check
    check (octet_length(description) between 1 and 8000) not valid;
