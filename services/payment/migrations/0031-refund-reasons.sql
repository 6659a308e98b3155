-- Reasons are counted as people count characters (R-TEXT-3), so their bound here is one of bytes. What is stored fits:
-- 500 code points have at most 2,000 bytes.
alter table refunds
  drop constraint refunds_reason_check,
  add constraint refunds_reason_check check (octet_length(reason) between 1 and 4000) not valid;
