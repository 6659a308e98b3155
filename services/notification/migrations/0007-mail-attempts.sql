-- Of the attempt that sends the mail, or was the last to: what an older one says later changes nothing.
alter table mails add column attempt_id uuid;
