//! The simulated network with a door of its own: who is answered there, servers that use it from elsewhere, and kills of either.

mod control;
mod elsewhere;
mod gate;
mod kills;
mod media;
mod others;
mod phones;
mod proxies;

use tempfile::TempDir;
use wamux::config::Config;
use wamux::server::SandboxServer;

/// A network alone, in this process.
pub(crate) struct Network {
    folder: TempDir,
    server: SandboxServer,
}

impl Network {
    pub(crate) async fn start(listen: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), listen).await
    }

    async fn start_in(folder: TempDir, listen: &str) -> Self {
        // rustls has to be told once which cryptography it runs on, as the program does first of all.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let plain = Config::in_folder(folder.path().to_owned());
        let config = Config { sandbox_listen: Some(listen.parse().unwrap()), ..plain };
        Self { folder, server: SandboxServer::start(&config).await.unwrap() }
    }

    /// Where this machine reaches it, whatever it listens on.
    fn at(&self) -> String {
        let addr = self.server.addr;
        if addr.ip().is_unspecified() { format!("127.0.0.1:{}", addr.port()) } else { addr.to_string() }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/ws/chat", self.at())
    }

    pub(crate) async fn stop(self) -> TempDir {
        self.server.stop().await;
        self.folder
    }
}
