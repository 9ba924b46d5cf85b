//! Memory: one file per noun over sea-orm, one batched writer.
