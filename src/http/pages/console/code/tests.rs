//! Calls as code, as people read them. That they run is told by a test that runs them.

use super::*;

fn draft(fields: &[(&str, &str)]) -> Draft {
    Draft::of(&fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>())
}

fn written(language: Language, fields: &[(&str, &str)]) -> String {
    code(language, "http://127.0.0.1:8080", &draft(fields))
}

#[test]
fn a_text_in_every_language() {
    let fields = [("to", "+237612345678"), ("message", "It's \"5 $\"\n`now` 🎉")];
    let curl = r#"curl http://127.0.0.1:8080/api/v1/messages \
  -H "Authorization: Bearer $WAMUX_KEY" \
  --json '{
    "to": "+237612345678",
    "message": "It'\''s \"5 $\"\n`now` 🎉"
  }'"#;
    assert_eq!(written(Language::Curl, &fields), curl);
    let javascript = r#"const answer = await fetch("http://127.0.0.1:8080/api/v1/messages", {
  method: "POST",
  headers: {
    Authorization: `Bearer ${process.env.WAMUX_KEY}`,
    "Content-Type": "application/json",
  },
  body: JSON.stringify({
    to: "+237612345678",
    message: "It's \"5 $\"\n`now` 🎉",
  }),
});
console.log(answer.status, await answer.json());"#;
    assert_eq!(written(Language::JavaScript, &fields), javascript);
    let python = r#"import os
import requests

answer = requests.post(
    "http://127.0.0.1:8080/api/v1/messages",
    headers={"Authorization": f"Bearer {os.environ['WAMUX_KEY']}"},
    json={
        "to": "+237612345678",
        "message": "It's \"5 $\"\n`now` 🎉",
    },
)
print(answer.status_code, answer.json())"#;
    assert_eq!(written(Language::Python, &fields), python);
    let rust = r#"// reqwest = { version = "0.13", features = ["json"] }
// serde_json = "1"
// tokio = { version = "1", features = ["full"] }

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let answer = reqwest::Client::new()
        .post("http://127.0.0.1:8080/api/v1/messages")
        .bearer_auth(std::env::var("WAMUX_KEY")?)
        .json(&serde_json::json!({
            "to": "+237612345678",
            "message": "It's \"5 $\"\n`now` 🎉",
        }))
        .send()
        .await?;
    println!("{} {}", answer.status(), answer.text().await?);
    Ok(())
}"#;
    assert_eq!(written(Language::Rust, &fields), rust);
}

#[test]
fn a_file_goes_as_a_form() {
    let fields = [("kind", "voice"), ("to", "+237612345678"), ("fileName", "it's.ogg"), ("sessionId", "x")];
    let curl = r#"curl http://127.0.0.1:8080/api/v1/messages/audio \
  -H "Authorization: Bearer $WAMUX_KEY" \
  --form-string to=+237612345678 \
  --form-string ptt=true \
  --form-string sessionId=x \
  -F 'file=@"it'\''s.ogg"'"#;
    assert_eq!(written(Language::Curl, &fields), curl);
    let javascript = written(Language::JavaScript, &fields);
    assert!(javascript.starts_with(
        "import { readFile } from \"node:fs/promises\";\n\nconst form = new FormData();\nform.set(\"to\""
    ));
    assert!(javascript.contains("form.set(\"file\", new Blob([await readFile(\"it's.ogg\")]), \"it's.ogg\");"));
    let python = written(Language::Python, &fields);
    assert!(
        python.contains("with open(\"it's.ogg\", \"rb\") as file:\n    answer = requests.post(\n        \"http://")
    );
    let rust = written(Language::Rust, &fields);
    assert!(rust.contains(
        "        .text(\"ptt\", \"true\")\n        .text(\"sessionId\", \"x\")\n        .file(\"file\", \"it's.ogg\")\n"
    ));
    assert!(!rust.contains("serde_json"));
}

#[test]
fn a_voice_note_from_a_url_says_true_in_each_language() {
    let fields = [("kind", "voice"), ("url", "https://example.com/a'b.ogg")];
    for (language, yes) in [
        (Language::Curl, "\"ptt\": true\n"),
        (Language::JavaScript, "    ptt: true,\n"),
        (Language::Python, "\"ptt\": True,\n"),
        (Language::Rust, "\"ptt\": true,\n"),
    ] {
        let code = written(language, &fields);
        assert!(code.contains(yes) && code.contains("/api/v1/messages/audio"), "{code}");
    }
}
