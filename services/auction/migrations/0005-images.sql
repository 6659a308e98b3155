-- Pictures of items; the objects lie in the image storage, three sizes each.
create table item_images (
  id uuid primary key,
  item_id uuid not null references items (id) on delete cascade,
  -- Without gaps from 0, so this is also the limit of twelve.
  position integer not null check (position between 0 and 11),
  alt_text text not null default '' check (char_length(alt_text) <= 300),
  -- Of the largest size.
  width integer not null check (width > 0),
  height integer not null check (height > 0),
  created_at timestamptz not null default clock_timestamp(),
  -- Deferred, because a new order moves all of them in one statement.
  unique (item_id, position) deferrable initially deferred
);

-- Images whose objects have to go. An upload is here as well, due in an hour, until its row is in
-- item_images: should the process die in between, the worker finds what was left behind.
create table image_deletions (
  image_id uuid primary key,
  due_at timestamptz not null,
  -- From the first try on the objects may be gone, and the upload cannot be finished any more.
  attempted_at timestamptz
);
create index image_deletions_due on image_deletions (due_at);

-- A trigger, so that no way of deleting an image, or its item, can forget the objects.
create function forget_image() returns trigger language plpgsql as $$
begin
  insert into image_deletions (image_id, due_at) values (old.id, clock_timestamp());
  return null;
end $$;
create trigger item_images_forgotten after delete on item_images
  for each row execute function forget_image();
