//! All tests that see Wamux from outside, in one binary: the store on both databases, the API over HTTP, journeys through the
//! sandbox to a phone's screen, crashes, and the tidiness of the sources.

mod ground;
mod store;
mod system;
mod tidy;
