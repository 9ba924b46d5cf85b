//! Fetches what a URL names: only from where this server may go, only as much as may be, and onto the disk.
