//! The spool: files on their way out, named by ids, in a folder of the data directory.
