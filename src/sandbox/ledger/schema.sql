-- The sandbox's own embedded file: root, accounts, companions, keys, undelivered stanzas and what phones show.
CREATE TABLE IF NOT EXISTS root (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    root_key BLOB NOT NULL,
    server_key BLOB NOT NULL,
    chain BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS tls (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    certificate BLOB NOT NULL,
    key BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS account (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    phone TEXT NOT NULL UNIQUE,
    name TEXT,
    identity BLOB NOT NULL,
    registration INTEGER NOT NULL,
    signed_prekey BLOB NOT NULL,
    raw_id INTEGER NOT NULL,
    created INTEGER NOT NULL,
    next_device INTEGER NOT NULL DEFAULT 1,
    next_prekey INTEGER NOT NULL DEFAULT 1,
    sync_key_id BLOB NOT NULL,
    sync_key BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS companion (
    account INTEGER NOT NULL,
    device INTEGER NOT NULL,
    noise BLOB NOT NULL,
    identity BLOB NOT NULL,
    device_identity BLOB NOT NULL,
    signed INTEGER NOT NULL DEFAULT 0,
    registration INTEGER NOT NULL,
    signed_prekey_id INTEGER NOT NULL,
    signed_prekey BLOB NOT NULL,
    signed_prekey_signature BLOB NOT NULL,
    linked INTEGER NOT NULL,
    PRIMARY KEY (account, device)
) STRICT, WITHOUT ROWID;
-- One-time pre-keys as uploaded, one row per upload; `taken` counts those handed out.
-- The keys stand apart so that taking one does not rewrite them.
CREATE TABLE IF NOT EXISTS prekey_batch (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL,
    device INTEGER NOT NULL,
    taken INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS prekey_batch_device ON prekey_batch (account, device, id);
CREATE TABLE IF NOT EXISTS prekey_blob (
    batch INTEGER PRIMARY KEY,
    keys BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS phone_prekey (
    account INTEGER NOT NULL,
    id INTEGER NOT NULL,
    private BLOB NOT NULL,
    PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session (
    account INTEGER NOT NULL,
    peer INTEGER NOT NULL,
    device INTEGER NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (account, peer, device)
) STRICT, WITHOUT ROWID;
-- Stanzas a companion has not confirmed yet, in the order they are to reach it; and those that wait for a phone (device 0)
-- that is offline.
CREATE TABLE IF NOT EXISTS queue (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    account INTEGER NOT NULL,
    device INTEGER NOT NULL,
    class TEXT NOT NULL,
    stanza_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    stanza BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS queue_device ON queue (account, device, seq);
CREATE INDEX IF NOT EXISTS queue_stanza ON queue (account, device, stanza_id);
CREATE TABLE IF NOT EXISTS screen (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    account INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    chat TEXT NOT NULL,
    sender TEXT NOT NULL,
    from_me INTEGER NOT NULL,
    device INTEGER NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    status INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    UNIQUE (account, sender, message_id)
) STRICT;
CREATE INDEX IF NOT EXISTS screen_unread ON screen (account, chat, seq) WHERE from_me = 0 AND status < 3;
-- Receipts find a phone's own messages by their id alone.
CREATE INDEX IF NOT EXISTS screen_own ON screen (account, message_id) WHERE from_me = 1;
-- Screens are read in pages, and have an end.
CREATE INDEX IF NOT EXISTS screen_page ON screen (account, seq);
-- The media in those lines: what is shown of them, where they are to be fetched, and what came of that (0: not yet).
CREATE TABLE IF NOT EXISTS medium (
    screen INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    id TEXT NOT NULL,
    facts TEXT NOT NULL,
    family TEXT NOT NULL,
    path TEXT NOT NULL,
    media_key BLOB,
    plain_sha256 BLOB NOT NULL,
    sealed_sha256 BLOB NOT NULL,
    fetched INTEGER NOT NULL DEFAULT 0,
    sha256 TEXT,
    size INTEGER,
    problem TEXT,
    UNIQUE (account, id)
) STRICT;
CREATE INDEX IF NOT EXISTS medium_due ON medium (account) WHERE fetched = 0;
CREATE TABLE IF NOT EXISTS patch (
    account INTEGER NOT NULL,
    collection TEXT NOT NULL,
    version INTEGER NOT NULL,
    patch BLOB NOT NULL,
    PRIMARY KEY (account, collection, version)
) STRICT, WITHOUT ROWID;
-- What accounts have chosen: privacy, whom they blocked, what they say of themselves.
CREATE TABLE IF NOT EXISTS setting (
    account INTEGER NOT NULL,
    family TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (account, family, name)
) STRICT, WITHOUT ROWID;
