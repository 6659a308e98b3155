-- Of the bytes that were sent: the same picture again is known by it. Empty for pictures of earlier versions.
alter table item_images add column sent_digest bytea check (octet_length(sent_digest) = 32);
