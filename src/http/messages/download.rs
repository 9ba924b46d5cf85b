//! The medium of a received message. Its sender chose what it is, so a browser is to make nothing of it but a file.

use warp::Reply as _;
use warp::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use warp::http::{HeaderMap, HeaderValue};

use crate::actors::Downloadable;
use crate::domain::media::MimeType;
use crate::http::call::{Answered, Call, id};

pub(in crate::http) async fn download(call: Call, message: String) -> Answered {
    let (access, message) = (call.enter().await?, id(&message)?);
    if call.is_head {
        let medium = call.system().downloadable(&access, message).await?;
        let mut response = warp::reply().into_response();
        *response.headers_mut() = headers(&medium);
        return Ok(response);
    }
    let download = call.system().download(&access, message).await?;
    let headers = headers(&download.medium);
    let mut response = warp::reply::stream(download.body()).into_response();
    *response.headers_mut() = headers;
    Ok(response)
}

fn headers(medium: &Downloadable) -> HeaderMap {
    let mime = medium.mime.as_ref().and_then(|mime| HeaderValue::from_str(mime.as_str()).ok());
    let name = format!(
        "attachment; filename=\"{}-{}.{}\"",
        medium.wanted.as_str(),
        medium.message,
        ending(medium.mime.as_ref())
    );
    let mut headers = HeaderMap::from_iter([
        (CONTENT_TYPE, mime.unwrap_or(HeaderValue::from_static("application/octet-stream"))),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    ]);
    headers.extend(medium.size.map(|size| (CONTENT_LENGTH, size.into())));
    headers.extend(HeaderValue::try_from(name).ok().map(|name| (CONTENT_DISPOSITION, name)));
    headers
}

/// What the file's name ends with. Of several endings for a type, the tables know no usual one.
fn ending(mime: Option<&MimeType>) -> &'static str {
    let Some(mime) = mime else { return "bin" };
    match mime.essence() {
        "image/jpeg" => "jpg",
        "video/mp4" => "mp4",
        "audio/ogg" => "ogg",
        "audio/mpeg" => "mp3",
        "audio/mp4" => "m4a",
        other => mime_guess::get_mime_extensions_str(other).and_then(<[_]>::first).copied().unwrap_or("bin"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_its_type_and_never_by_its_sender() {
        for (mime, want) in [
            ("image/jpeg", "jpg"),
            ("image/png", "png"),
            ("image/webp", "webp"),
            ("video/mp4", "mp4"),
            ("video/3gpp", "3gp"),
            ("audio/ogg; codecs=opus", "ogg"),
            ("audio/x-no-such-type", "bin"),
        ] {
            let mime = MimeType::try_from(mime.to_owned()).unwrap();
            assert_eq!(ending(Some(&mime)), want, "{}", mime.as_str());
        }
        assert_eq!(ending(None), "bin");
    }
}
