//! One run of ffmpeg or ffprobe: no shell, no environment, bounded in time, memory and output, and gone when nobody waits for it.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::blame::{blame, failed};
use super::tools::Tools;
use super::words::Words;
use crate::domain::media::Fault;

/// Memory that a run may take for itself. A 4K film takes a third of it.
const MEMORY: u64 = 1 << 30;
/// A third of the processor's time that the server gets when there is too little of it: more, and conversions would starve.
const NICE: &str = "5";
/// How much of what it complains about is kept: the end.
const COMPLAINTS: usize = 4096;

/// What a run may take, and where it works.
pub(super) struct Bounds<'a> {
    pub(super) folder: &'a Path,
    pub(super) within: Duration,
    /// Of the processor's time. A busy machine makes a run longer, and not this.
    pub(super) processor: Duration,
    /// The largest file that it may write.
    pub(super) file: u64,
}

impl Tools {
    /// Runs ffmpeg; what it writes to its standard output goes to `take`, piece by piece.
    pub(super) async fn ffmpeg(
        &self,
        words: Words,
        bounds: &Bounds<'_>,
        take: &mut (dyn FnMut(&[u8]) -> Result<(), Fault> + Send),
    ) -> Result<(), Fault> {
        let all = Words::default().say("-nostdin -hide_banner -v error -y -filter_threads 1");
        self.run(&self.ffmpeg, all.and(words), bounds, take).await
    }

    /// Runs ffprobe; what it says is bounded.
    pub(super) async fn ffprobe(&self, words: Words, bounds: &Bounds<'_>) -> Result<Vec<u8>, Fault> {
        let mut said = Vec::new();
        let mut take = collect(&mut said, 256 * 1024);
        self.run(&self.ffprobe, Words::default().say("-hide_banner -v error").and(words), bounds, &mut take).await?;
        drop(take);
        Ok(said)
    }

    async fn run(
        &self,
        program: &Path,
        words: Words,
        bounds: &Bounds<'_>,
        take: &mut (dyn FnMut(&[u8]) -> Result<(), Fault> + Send),
    ) -> Result<(), Fault> {
        let mut command = self.command(program, bounds);
        command.args(words.list()).env_clear().current_dir(bounds.folder).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| failed(&format!("ffmpeg could not be started: {error}")))?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(failed("ffmpeg could not be listened to"));
        };
        let done = async {
            let ((), complaints) = tokio::try_join!(pump(stdout, take), tail(stderr))?;
            let status = child.wait().await.map_err(|error| failed(&error.to_string()))?;
            if status.success() { Ok(()) } else { Err(blame(status, &complaints)) }
        };
        // Whatever way this ends, or when nobody waits for it any more, the child is killed as it is dropped.
        tokio::time::timeout(bounds.within, done)
            .await
            .unwrap_or_else(|_| Err(failed(&format!("it took longer than {} seconds", bounds.within.as_secs()))))
    }

    /// Each of these programs becomes the next one, so that there is one process, and it is the child.
    fn command(&self, program: &Path, bounds: &Bounds<'_>) -> Command {
        let mut line: Vec<OsString> = Vec::new();
        if let Some(prlimit) = &self.prlimit {
            line.push(prlimit.into());
            // This also ends a run whose server was killed and cannot end it.
            let seconds = bounds.processor.as_secs();
            line.extend(["--core=0".into(), format!("--cpu={seconds}:{}", seconds + 5).into()]);
            line.extend([format!("--fsize={}", bounds.file).into(), format!("--data={MEMORY}").into()]);
        }
        if let Some(nice) = &self.nice {
            line.extend([nice.into(), "-n".into(), NICE.into()]);
        }
        line.push(program.into());
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]);
        command
    }
}

/// Keeps what comes, up to a bound.
pub(super) fn collect(into: &mut Vec<u8>, at_most: usize) -> impl FnMut(&[u8]) -> Result<(), Fault> + Send {
    move |bytes| {
        if into.len() + bytes.len() > at_most {
            return Err(Fault::Unreadable("it says too much of itself".to_owned()));
        }
        into.extend_from_slice(bytes);
        Ok(())
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    take: &mut (dyn FnMut(&[u8]) -> Result<(), Fault> + Send),
) -> Result<(), Fault> {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) => return Ok(()),
            Ok(read) => take(&buffer[..read])?,
            Err(error) => return Err(failed(&error.to_string())),
        }
    }
}

/// The end of what is said, however long it is.
async fn tail(mut from: impl AsyncRead + Unpin) -> Result<String, Fault> {
    let (mut kept, mut buffer) = (Vec::new(), vec![0; COMPLAINTS]);
    loop {
        match from.read(&mut buffer).await {
            Ok(0) => return Ok(String::from_utf8_lossy(&kept).into_owned()),
            Ok(read) => kept.extend_from_slice(&buffer[..read]),
            Err(error) => return Err(failed(&error.to_string())),
        }
        kept.drain(..kept.len().saturating_sub(COMPLAINTS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_many_words_the_last_are_kept() {
        let long = [b"first\n".repeat(10_000), b"last\n".to_vec()].concat();
        let kept = tail(&long[..]).await.unwrap();
        assert!(kept.len() <= COMPLAINTS && kept.ends_with("last\n"));
    }
}
