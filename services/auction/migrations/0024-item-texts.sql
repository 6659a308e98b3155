-- Lengths are judged in characters as people count them, of which one may have many code points; the
-- database bounds bytes. The older checks were stricter, so no row needs to be looked at. A file of its
-- own, because it takes the table for itself for a moment.
alter table items
  drop constraint items_name_check,
  drop constraint items_description_check,
  add constraint items_name_check check (octet_length(name) between 1 and 6400) not valid,
  add constraint items_description_check check (octet_length(description) <= 40000) not valid;
