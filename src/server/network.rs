//! The network outside: a simulated one, in this process or elsewhere, or the real one, as the build has it.

#[cfg(not(feature = "sandbox"))]
pub(super) use live::Outside;
#[cfg(feature = "sandbox")]
pub(super) use simulated::Outside;

#[cfg(feature = "sandbox")]
mod simulated {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use super::super::StartError;
    use super::super::sandbox::{Kept, Opening};
    use super::super::trust;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::domain::elsewhere::SandboxUrl;
    use crate::http::{Far, Phones};
    use crate::sandbox::Sandbox;
    use crate::whatsapp::{Exchange, Wire, WireError};

    pub(in crate::server) enum Outside {
        /// In this process, and maybe open to others.
        Here(Kept, Option<Opening>),
        /// Only the way there: the network has a process, a data folder and a life of its own.
        Elsewhere(Far),
    }

    impl Outside {
        pub(in crate::server) async fn open(config: &Config, clock: Clock) -> Result<(Self, Wire), StartError> {
            match &config.sandbox_url {
                Some(url) => Self::elsewhere(url),
                None => Self::here(config, clock).await,
            }
        }

        async fn here(config: &Config, clock: Clock) -> Result<(Self, Wire), StartError> {
            let kept = Kept::open(&config.data_dir, clock.clone()).await?;
            let opening = match config.sandbox_listen {
                Some(listen) => Some(Opening::start(listen, kept.sandbox.clone(), clock).await?),
                None => None,
            };
            let network = kept.sandbox.clone();
            let media = network.clone();
            let servers = move |request| -> Exchange {
                let media = media.clone();
                Box::pin(async move { media.media(request).await })
            };
            let wire = Wire::sandbox(Arc::new(move || network.dial())).with_media(Arc::new(servers));
            Ok((Self::Here(kept, opening), wire))
        }

        fn elsewhere(url: &SandboxUrl) -> Result<(Self, Wire), StartError> {
            let tls = trust::client(url.pin())?;
            if url.is_secure() && url.pin().is_none() {
                tracing::info!(address = %url.chat(), "any certificate is accepted; #sha256=… at the end of the URL would name one");
            }
            let wire = Wire::sandbox_at(url, tls.clone())?;
            Ok((Self::Elsewhere(Far::new(url, tls).map_err(WireError::from)?), wire))
        }

        pub(in crate::server) fn phones(&self) -> Phones {
            match self {
                Self::Here(kept, _) => Phones::Here(kept.sandbox.clone()),
                Self::Elsewhere(far) => Phones::There(far.clone()),
            }
        }

        pub(in crate::server) const fn sandbox(&self) -> Option<&Sandbox> {
            match self {
                Self::Here(kept, _) => Some(&kept.sandbox),
                Self::Elsewhere(_) => None,
            }
        }

        pub(in crate::server) fn sandbox_addr(&self) -> Option<SocketAddr> {
            match self {
                Self::Here(_, opening) => opening.as_ref().map(|opening| opening.addr),
                Self::Elsewhere(_) => None,
            }
        }

        /// Returns when the network in this process has failed.
        pub(in crate::server) async fn failed(&self) {
            match self {
                Self::Here(kept, _) => kept.sandbox.failed().await,
                Self::Elsewhere(_) => std::future::pending().await,
            }
        }

        pub(in crate::server) async fn close(self) {
            let Self::Here(kept, opening) = self else { return };
            let closing = async {
                if let Some(opening) = opening {
                    opening.close().await;
                }
            };
            tokio::join!(closing, kept.close());
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

        pub(in crate::server) async fn failed(&self) {
            std::future::pending::<()>().await;
        }

        pub(in crate::server) async fn close(self) {}
    }
}
