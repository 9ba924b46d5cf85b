//! A mail server, as far as letters of ours need one: it takes every letter and hands it to the test.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

pub struct Smtp {
    addr: SocketAddr,
    letters: UnboundedReceiver<Letter>,
    server: JoinHandle<()>,
}

/// A letter as it came.
#[derive(Debug)]
pub struct Letter {
    /// Who the mail server was told to give it to.
    pub to: Vec<String>,
    pub head: String,
    pub text: String,
}

impl Smtp {
    pub fn start() -> Self {
        Self::on(Self::down())
    }

    /// A port of its own, which refuses everybody until a server stands on it.
    pub fn down() -> TcpSocket {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket
    }

    pub fn on(socket: TcpSocket) -> Self {
        let listener = socket.listen(64).unwrap();
        let addr = listener.local_addr().unwrap();
        let (tell, letters) = unbounded_channel();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take(stream, tell.clone()));
            }
        });
        Self { addr, letters, server }
    }

    /// What to give as `WAMUX_SMTP_URL`.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.addr)
    }

    pub async fn next(&mut self) -> Letter {
        tokio::time::timeout(Duration::from_secs(40), self.letters.recv()).await.expect("no mail came").unwrap()
    }

    /// Goes down for good.
    pub async fn stop(mut self) {
        self.server.abort();
        let _ = (&mut self.server).await;
    }

    /// Whether a letter has come that nobody took.
    pub fn has_more(&self) -> bool {
        !self.letters.is_empty()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Letter {
    /// Where its link leads, on the site that it names.
    pub fn link(&self) -> &str {
        let line = self.text.lines().find(|line| line.contains("?token=")).unwrap_or_else(|| panic!("{}", self.text));
        line.strip_prefix("https://wamux.example").unwrap()
    }

    pub fn token(&self) -> &str {
        self.link().split_once("?token=").unwrap().1
    }
}

async fn take(stream: TcpStream, tell: UnboundedSender<Letter>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mail.test ESMTP\r\n").await?;
    let (mut line, mut to) = (String::new(), Vec::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let said = line.trim_end();
        let answer = match said.split([' ', ':']).next().unwrap().to_ascii_uppercase().as_str() {
            "EHLO" => "250-mail.test\r\n250 8BITMIME\r\n",
            "RCPT" => {
                to.push(said.split(['<', '>']).nth(1).unwrap().to_owned());
                "250 OK\r\n"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let letter = data(&mut stream).await?;
                let (head, body) = letter.split_once("\r\n\r\n").unwrap();
                let letter = Letter { to: std::mem::take(&mut to), head: head.to_owned(), text: decoded(head, body) };
                let _ = tell.send(letter);
                "250 taken\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 OK\r\n",
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}

/// A letter up to the dot that stands alone.
async fn data(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut letter = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(letter);
        }
        letter.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

fn decoded(head: &str, body: &str) -> String {
    let head = head.to_ascii_lowercase();
    let bytes = if head.contains("content-transfer-encoding: quoted-printable") {
        quoted(&body.replace("=\r\n", ""))
    } else if head.contains("content-transfer-encoding: base64") {
        BASE64_STANDARD.decode(body.replace("\r\n", "")).unwrap()
    } else {
        body.as_bytes().to_vec()
    };
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

fn quoted(text: &str) -> Vec<u8> {
    let mut parts = text.split('=');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    bytes
}
