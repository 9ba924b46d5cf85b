//! The network outside: the simulated one that this process carries, or the real one, as the build has it.

#[cfg(not(feature = "sandbox"))]
pub(super) use live::Outside;
#[cfg(feature = "sandbox")]
pub(super) use simulated::Outside;

#[cfg(feature = "sandbox")]
mod simulated {
    use std::sync::Arc;

    use super::super::StartError;
    use super::super::sandbox::{Kept, Opening};
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::sandbox::Sandbox;
    use crate::whatsapp::Wire;

    pub(in crate::server) struct Outside {
        pub(in crate::server) sandbox: Sandbox,
        kept: Kept,
        opening: Option<Opening>,
    }

    impl Outside {
        pub(in crate::server) async fn open(config: &Config, clock: Clock) -> Result<(Self, Wire), StartError> {
            let kept = Kept::open(&config.data_dir, clock.clone()).await?;
            let opening = match config.sandbox_listen {
                Some(listen) => Some(Opening::start(listen, kept.sandbox.clone(), clock).await?),
                None => None,
            };
            let network = kept.sandbox.clone();
            let wire = Wire::sandbox(Arc::new(move || network.dial()));
            Ok((Self { sandbox: kept.sandbox.clone(), kept, opening }, wire))
        }

        pub(in crate::server) async fn close(self) {
            let closing = async {
                if let Some(opening) = self.opening {
                    opening.close().await;
                }
            };
            tokio::join!(closing, self.kept.close());
        }
    }
}

#[cfg(not(feature = "sandbox"))]
mod live {
    use super::super::StartError;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::whatsapp::Wire;

    pub(in crate::server) struct Outside;

    #[allow(clippy::unused_async, reason = "the other build opens and closes a network here")]
    impl Outside {
        pub(in crate::server) async fn open(_: &Config, _: Clock) -> Result<(Self, Wire), StartError> {
            Ok((Self, Wire::whatsapp()?))
        }

        pub(in crate::server) async fn close(self) {}
    }
}
