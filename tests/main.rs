//! All tests that see Wamux from outside, in one binary: the store on both databases, the API over HTTP, journeys through the
//! sandbox to a phone's screen, crashes, and the tidiness of the sources.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

mod accounts;
mod actors_page;
mod apart;
mod backup;
mod bad_input;
mod blocked;
mod browser;
mod builds;
mod coming_back;
mod console_page;
mod crashes;
mod dashboard;
mod documentation;
mod endings;
mod expiry;
mod faults;
mod first_steps;
mod foreign;
mod french;
mod ground;
mod health;
mod idempotency;
mod journeys;
mod keys;
mod limits;
mod logs;
mod mail;
mod media;
mod media_sends;
mod messages;
mod messages_page;
mod metrics;
mod nonsense;
mod openapi;
mod operator_page;
mod outage;
mod pacing;
mod page_weights;
mod pages;
mod pairing_code;
mod phones_page;
mod pool;
mod readme;
mod receipts;
mod received;
mod reference;
mod rotation;
mod sandbox;
mod sessions;
mod sessions_health;
mod sessions_life;
mod soak;
mod store;
mod streams;
mod tenancy;
mod tidy;
mod traces;
mod trouble;
mod two_servers;
