//! The server's side of the Noise handshake: XX, IK, and `XXfallback` when a client knows a static key that is not ours.
//!
//! Mirrors the initiator in `wacore-noise/handshake.rs`; what the client writes first is what we read.

use whatsapp_rust::buffa::{Message as _, MessageField};
use whatsapp_rust::wacore::handshake::{NoiseCipher, NoiseHandshake};
use whatsapp_rust::wacore::libsignal::protocol::KeyPair;
use whatsapp_rust::wacore_binary::consts::{
    NOISE_PATTERN_IK, NOISE_PATTERN_XX, NOISE_PATTERN_XXFALLBACK, WA_CONN_HEADER,
};
use whatsapp_rust::waproto::whatsapp::handshake_message::{ClientFinish, ClientHello, ServerHello};
use whatsapp_rust::waproto::whatsapp::{ClientPayload, HandshakeMessage};

use super::SandboxError;
use super::root::{Certificate, public};

/// Who speaks, and what it asks for.
pub(crate) struct Caller {
    pub(crate) noise_key: [u8; 32],
    pub(crate) payload: ClientPayload,
}

/// What a finished handshake leaves: the caller, and the keys of both directions.
pub(crate) struct Greeting {
    pub(crate) caller: Caller,
    pub(crate) inbound: NoiseCipher,
    pub(crate) outbound: NoiseCipher,
}

/// After the client's hello: either all is said (IK), or the client has to finish (XX and `XXfallback`).
pub(crate) enum Answered {
    Done(Box<Greeting>, Vec<u8>),
    Waiting(Box<Waiting>, Vec<u8>),
}

/// A handshake that waits for the client's last word.
pub(crate) struct Waiting {
    noise: NoiseHandshake,
    ephemeral: KeyPair,
}

/// Reads a `ClientHello` and gives the `ServerHello` that answers it.
pub(crate) fn answer(hello: &[u8], certificate: &Certificate) -> Result<Answered, SandboxError> {
    let hello = HandshakeMessage::decode_from_slice(hello)
        .map_err(SandboxError::wire)?
        .client_hello
        .into_option()
        .ok_or(SandboxError::Wire("no client hello"))?;
    let client = key(hello.ephemeral.as_deref())?;
    match (&hello.r#static, &hello.payload) {
        (Some(_), Some(_)) => match known(&hello, &client, certificate) {
            Ok((greeting, reply)) => Ok(Answered::Done(Box::new(greeting), reply)),
            Err(_) => full(NOISE_PATTERN_XXFALLBACK, &client, certificate),
        },
        _ => full(NOISE_PATTERN_XX, &client, certificate),
    }
}

/// IK: the client knows our static key and has already said everything.
fn known(
    hello: &ClientHello,
    client: &[u8; 32],
    certificate: &Certificate,
) -> Result<(Greeting, Vec<u8>), SandboxError> {
    let server = &certificate.key;
    let mut noise = NoiseHandshake::new(NOISE_PATTERN_IK, &WA_CONN_HEADER).map_err(SandboxError::crypto)?;
    noise.authenticate(server.public_key.public_key_bytes());
    noise.authenticate(client);
    mix(&mut noise, server, client)?;
    let noise_key = key(Some(&open(&mut noise, hello.r#static.as_deref())?))?;
    mix(&mut noise, server, &noise_key)?;
    let payload = open(&mut noise, hello.payload.as_deref())?;
    let ephemeral = KeyPair::generate(&mut rand::rng());
    noise.authenticate(ephemeral.public_key.public_key_bytes());
    mix(&mut noise, &ephemeral, client)?;
    mix(&mut noise, &ephemeral, &noise_key)?;
    let chain = noise.encrypt(&certificate.chain).map_err(SandboxError::crypto)?;
    let reply = server_hello(&ephemeral, None, chain)?;
    Ok((greet(noise, noise_key, &payload)?, reply))
}

/// XX, also as the way back from a failed IK: our static key goes out, the client's comes with its last word.
fn full(pattern: &str, client: &[u8; 32], certificate: &Certificate) -> Result<Answered, SandboxError> {
    let ephemeral = KeyPair::generate(&mut rand::rng());
    let mut noise = NoiseHandshake::new(pattern, &WA_CONN_HEADER).map_err(SandboxError::crypto)?;
    noise.authenticate(client);
    noise.authenticate(ephemeral.public_key.public_key_bytes());
    mix(&mut noise, &ephemeral, client)?;
    let sealed = noise.encrypt(certificate.key.public_key.public_key_bytes()).map_err(SandboxError::crypto)?;
    mix(&mut noise, &certificate.key, client)?;
    let chain = noise.encrypt(&certificate.chain).map_err(SandboxError::crypto)?;
    let reply = server_hello(&ephemeral, Some(sealed), chain)?;
    Ok(Answered::Waiting(Box::new(Waiting { noise, ephemeral }), reply))
}

impl Waiting {
    /// Reads the `ClientFinish`.
    pub(crate) fn finish(mut self, finish: &[u8]) -> Result<Greeting, SandboxError> {
        let finish: ClientFinish = HandshakeMessage::decode_from_slice(finish)
            .map_err(SandboxError::wire)?
            .client_finish
            .into_option()
            .ok_or(SandboxError::Wire("no client finish"))?;
        let noise_key = key(Some(&open(&mut self.noise, finish.r#static.as_deref())?))?;
        mix(&mut self.noise, &self.ephemeral, &noise_key)?;
        let payload = open(&mut self.noise, finish.payload.as_deref())?;
        greet(self.noise, noise_key, &payload)
    }
}

fn greet(noise: NoiseHandshake, noise_key: [u8; 32], payload: &[u8]) -> Result<Greeting, SandboxError> {
    let (inbound, outbound) = noise.finish().map_err(SandboxError::crypto)?;
    let payload = ClientPayload::decode_from_slice(payload).map_err(SandboxError::wire)?;
    Ok(Greeting { caller: Caller { noise_key, payload }, inbound, outbound })
}

fn server_hello(ephemeral: &KeyPair, sealed: Option<Vec<u8>>, chain: Vec<u8>) -> Result<Vec<u8>, SandboxError> {
    let hello = ServerHello {
        ephemeral: Some(public(ephemeral)?.to_vec()),
        r#static: sealed,
        payload: Some(chain),
        ..Default::default()
    };
    Ok(HandshakeMessage { server_hello: MessageField::some(hello), ..Default::default() }.encode_to_vec())
}

fn mix(noise: &mut NoiseHandshake, ours: &KeyPair, theirs: &[u8; 32]) -> Result<(), SandboxError> {
    noise.mix_shared_secret(ours.private_key.serialize(), theirs).map_err(SandboxError::crypto)
}

fn open(noise: &mut NoiseHandshake, sealed: Option<&[u8]>) -> Result<Vec<u8>, SandboxError> {
    noise.decrypt(sealed.unwrap_or_default()).map_err(SandboxError::crypto)
}

fn key(bytes: Option<&[u8]>) -> Result<[u8; 32], SandboxError> {
    bytes.unwrap_or_default().try_into().map_err(|_| SandboxError::Wire("a key has 32 bytes"))
}
