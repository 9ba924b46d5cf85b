//! What tests stand on: a server in this process, one in another, a stream of events, a folder and a database on either kind.

pub mod app;
#[allow(dead_code, reason = "the benches look at no pages")]
pub mod browser;
pub mod documented;
pub mod fleet;
#[allow(dead_code, reason = "the benches keep nobody outside")]
pub mod gate;
pub mod live;
#[allow(dead_code, reason = "the benches install nothing")]
pub mod npm;
#[allow(dead_code, reason = "the benches fetch nothing")]
pub mod origin;
pub mod place;
pub mod postgres;
pub mod process;
#[allow(dead_code, reason = "the benches send no media")]
pub mod samples;
#[allow(dead_code, reason = "the benches get no mail")]
pub mod smtp;
pub mod stream;
#[allow(dead_code, reason = "the benches walk no surface")]
pub mod surface;
#[allow(dead_code, reason = "the benches have no trouble")]
pub mod tunnel;

pub use place::{Ground, Place};

/// Makes two tests of each story, `story::sqlite` and `story::postgres`. A story is an `async fn story(on: Ground)`; one that is not
/// listed is dead code, and the compiler says so.
#[allow(unused_macros, reason = "the benches tell no stories")]
macro_rules! on_both_databases {
    ($($story:ident),+ $(,)?) => {
        $(
            mod $story {
                use crate::ground::Ground;

                #[tokio::test(flavor = "multi_thread")]
                async fn sqlite() {
                    super::$story(Ground::Sqlite).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn postgres() {
                    super::$story(Ground::Postgres).await;
                }
            }
        )+
    };
}

#[allow(unused_imports, reason = "the benches tell no stories")]
pub(crate) use on_both_databases;
