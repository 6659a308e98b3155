-- What became of mails after a server took them: they bounced, or their readers called them spam. A report that
-- comes again changes nothing, so a row stays for as long as its return address is believed.
create table mail_reports (
  -- As in suppressions.
  address_digest bytea not null check (octet_length(address_digest) = 16),
  -- The beginning of a SHA-256 over the id of the mail.
  mail_tag bytea not null check (octet_length(mail_tag) = 5),
  kind text not null check (kind in ('hard_bounce', 'soft_bounce', 'complaint')),
  -- False: an operator has lifted the suppression since.
  is_counted boolean not null default true,
  reported_at timestamptz not null default clock_timestamp(),
  primary key (address_digest, mail_tag, kind)
);

create index mail_reports_reported on mail_reports (reported_at);
