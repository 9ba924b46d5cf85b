//! ffmpeg and ffprobe, as they were found when the server started.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// What is converted to is made by these encoders.
const ENCODERS: [&str; 4] = ["libx264", "aac", "libopus", "mjpeg"];
/// Where programs lie when nothing says so.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);

/// Where the programs are that conversions run.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    pub(super) ffmpeg: PathBuf,
    pub(super) ffprobe: PathBuf,
    /// What stands before them on a command line: a lower priority, and bounds that the system itself keeps.
    pub(super) nice: Option<PathBuf>,
    pub(super) prlimit: Option<PathBuf>,
}

/// Why media cannot be converted here, in a sentence for whoever runs the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} Install it with: apt-get install ffmpeg")]
pub(crate) struct MissingTools(String);

impl Tools {
    /// Looks for them once, at the start of the server.
    pub(crate) async fn find() -> Result<Self, MissingTools> {
        Self::find_in(std::env::var_os("PATH").as_deref().unwrap_or(OsStr::new(PATH))).await
    }

    pub(super) async fn find_in(path: &OsStr) -> Result<Self, MissingTools> {
        let seek = |name: &str| std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| file.is_file());
        // Conversions run in folders of their own, so a relative path would lead nowhere.
        let seek = |name: &str| seek(name).and_then(|file| std::path::absolute(file).ok());
        let (Some(ffmpeg), Some(ffprobe)) = (seek("ffmpeg"), seek("ffprobe")) else {
            return Err(MissingTools(
                "ffmpeg is not installed on this machine (ffmpeg and ffprobe are needed).".to_owned(),
            ));
        };
        let tools = Self { ffmpeg, ffprobe, nice: seek("nice"), prlimit: seek("prlimit") };
        let encoders = answer(&tools.ffmpeg, "-encoders").await?;
        answer(&tools.ffprobe, "-version").await?;
        let lacks = missing(&encoders);
        if lacks.is_empty() {
            return Ok(tools);
        }
        let mut sentence = String::from("The ffmpeg on this machine was built without");
        for (n, encoder) in lacks.iter().enumerate() {
            let _ = write!(sentence, "{} {encoder}", if n == 0 { "" } else { "," });
        }
        sentence.push_str(", which conversions need.");
        Err(MissingTools(sentence))
    }
}

/// Which of the needed encoders `ffmpeg -encoders` does not name. Its lines are ` V....D libx264  description`.
fn missing(encoders: &str) -> Vec<&'static str> {
    let has = |name: &&str| encoders.lines().any(|line| line.split_whitespace().nth(1) == Some(*name));
    ENCODERS.into_iter().filter(|name| !has(name)).collect()
}

async fn answer(program: &Path, question: &str) -> Result<String, MissingTools> {
    let mut command = Command::new(program);
    command.args(["-hide_banner", question]).env_clear().stdin(Stdio::null()).kill_on_drop(true);
    let fails = |why: String| MissingTools(format!("{} is there and does not work: {why}.", program.display()));
    match tokio::time::timeout(ANSWERS_WITHIN, command.output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(Ok(output)) => Err(fails(output.status.to_string())),
        Ok(Err(error)) => Err(fails(error.to_string())),
        Err(_) => Err(fails(format!("it gave no answer within {} seconds", ANSWERS_WITHIN.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn what_is_missing_is_said_with_what_helps() {
        let folder = tempfile::tempdir().unwrap();
        let found = Tools::find_in(folder.path().as_os_str()).await.unwrap_err().to_string();
        assert_eq!(
            found,
            "ffmpeg is not installed on this machine (ffmpeg and ffprobe are needed). \
             Install it with: apt-get install ffmpeg"
        );
        for (name, script) in
            [("ffmpeg", "#!/bin/sh\necho ' V....D libx264 x'; echo ' A....D aac x'\n"), ("ffprobe", "#!/bin/sh\n")]
        {
            let file = folder.path().join(name);
            std::fs::write(&file, script).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let found = Tools::find_in(folder.path().as_os_str()).await.unwrap_err().to_string();
        assert!(found.starts_with("The ffmpeg on this machine was built without libopus, mjpeg, which"), "{found}");
    }

    #[tokio::test]
    async fn the_tools_of_this_machine_are_found() {
        let tools = Tools::find().await.unwrap();
        assert!(tools.ffmpeg.is_absolute() && tools.ffprobe.is_absolute());
    }
}
