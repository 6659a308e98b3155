-- Keys that sign access tokens. Several live at once: the newest active one signs, all that are not
-- retired are published, so a rotation never logs anybody out.
create table signing_keys (
  kid text primary key check (kid ~ '^[A-Za-z0-9_-]{8,64}$'),
  public_jwk jsonb not null,
  -- AES-256-GCM under KEY_ENCRYPTION_KEY with the kid as associated data: nonce, tag, ciphertext.
  private_key_encrypted bytea not null,
  -- Fingerprint of the encryption key, so that a wrong one is named instead of guessed.
  encryption_key_id text not null,
  created_at timestamptz not null default clock_timestamp(),
  activates_at timestamptz not null,
  retires_at timestamptz,
  constraint signing_key_retires_after_activation check (retires_at > activates_at)
);
