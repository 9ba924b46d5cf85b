//! The clients' own HTTP against the media servers, each way there is: a long video streams up from a file and down into one.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::download::MediaType;
use whatsapp_rust::prelude::wa;
use whatsapp_rust::wacore::upload::{UploadSource, encrypt_media_streaming};

use crate::config::Config;
use crate::domain::elsewhere::SandboxUrl;
use crate::sandbox::tests::harness::{Companion, phone};
use crate::server::{SandboxServer, trust};
use crate::whatsapp::web::Web;

const OWN: &str = "+237611111111";
const FRIEND: &str = "+237622222222";
/// Beyond what clients begin with a question: whether it is there already.
const LONG: u64 = 6 << 20;

struct OnDisk(PathBuf);

impl UploadSource for OnDisk {
    fn len(&self) -> u64 {
        self.0.metadata().unwrap().len()
    }

    fn reader_from(&self, offset: u64) -> std::io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(&self.0)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(file))
    }
}

/// Sends a video, sees that the phone has it, and fetches it again.
async fn there_and_back(server: &SandboxServer, web: Web, fill: u8) {
    let folder = tempfile::tempdir().unwrap();
    let (plain, sealed) = (folder.path().join("plain"), folder.path().join("sealed"));
    let mut video = File::create(&plain).unwrap();
    std::io::copy(&mut std::io::repeat(fill).take(LONG), &mut video).unwrap();
    video.flush().unwrap();
    let info = encrypt_media_streaming(File::open(&plain).unwrap(), File::create(&sealed).unwrap(), MediaType::Video);
    let companion = Companion::over(server.sandbox(), Arc::default(), Arc::new(web)).await;
    companion.link(server.sandbox(), OWN).await;
    let up = companion.client.upload_stream(OnDisk(sealed), info.unwrap(), MediaType::Video).await.unwrap();
    let video = wa::message::VideoMessage {
        mimetype: Some("video/mp4".to_owned()),
        direct_path: Some(up.direct_path.clone()),
        media_key: Some(up.media_key.to_vec()),
        file_enc_sha256: Some(up.file_enc_sha256.to_vec()),
        file_sha256: Some(up.file_sha256.to_vec()),
        file_length: Some(up.file_length),
        ..Default::default()
    };
    let down = companion.client.download_to_writer(&video, File::create(folder.path().join("down")).unwrap()).await;
    assert_eq!(down.unwrap().metadata().unwrap().len(), LONG);
    companion.sends(FRIEND, wa::Message { video_message: MessageField::some(video), ..Default::default() }).await;
    let shown = server.sandbox().screen(&phone(FRIEND)).await.unwrap();
    let line = shown.last().unwrap();
    assert_eq!((line.facts.size, line.sha256.is_some(), &line.media_error), (Some(LONG), true, &None));
    companion.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_streams_up_and_down_here_over_tcp_and_over_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let config = Config::in_folder(folder.path().to_owned());
    let config = Config { sandbox_listen: Some("127.0.0.1:0".parse().unwrap()), ..config };
    let server = SandboxServer::start(&config).await.unwrap();
    let here = server.sandbox().clone();
    let here = Web::sandbox(Arc::new(move |request| {
        let here = here.clone();
        Box::pin(async move { here.media(request).await })
    }));
    let pin = server.sandbox().tls().await.unwrap().fingerprint;
    let at = |url: String| {
        let url: SandboxUrl = url.parse().unwrap();
        Web::sandbox_at(&url, trust::client(url.pin()).unwrap()).unwrap()
    };
    let plain = at(format!("ws://{}/ws/chat", server.addr));
    let secure = at(format!("wss://{}/ws/chat#sha256={pin}", server.addr));
    for (web, fill) in [(here, 1), (plain, 2), (secure, 3)] {
        there_and_back(&server, web, fill).await;
    }
    server.stop().await;
}
