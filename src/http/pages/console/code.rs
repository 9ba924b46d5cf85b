//! A call as code: the same in four languages, whatever was typed. The key is never in it; it comes from the environment.

use std::fmt::Write;

use super::draft::{Draft, Value};
use super::quote::{curl_file, double, rust, shell};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Curl,
    JavaScript,
    Python,
    Rust,
}

impl Language {
    pub(super) const ALL: [Self; 4] = [Self::Curl, Self::JavaScript, Self::Python, Self::Rust];

    pub(super) const fn slug(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::JavaScript => "javascript",
            Self::Python => "python",
            Self::Rust => "rust",
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
            Self::Rust => "Rust",
        }
    }
}

/// A call: where to, its fields, and the file that goes with them.
struct Call {
    url: String,
    fields: Vec<(&'static str, Value)>,
    file: Option<String>,
}

/// The call that sends this draft to this server, in a language.
pub(super) fn code(language: Language, base: &str, draft: &Draft) -> String {
    let (fields, file) = draft.example();
    let call = Call { url: format!("{base}{}", draft.kind.way().path()), fields, file };
    match language {
        Language::Curl => call.curl(),
        Language::JavaScript => call.javascript(),
        Language::Python => call.python(),
        Language::Rust => call.rust(),
    }
}

impl Call {
    /// The fields as members of a literal: each on a line of its own, so far to the right.
    fn members(
        &self,
        indent: &str,
        last: &str,
        text: fn(&str) -> String,
        yes: &str,
        named: impl Fn(&str) -> String,
    ) -> String {
        let lines: Vec<String> = self
            .fields
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    Value::Text(value) => text(value),
                    Value::Yes => yes.to_owned(),
                };
                format!("{indent}{}: {value}", named(name))
            })
            .collect();
        lines.join(",\n") + last
    }

    /// The fields as texts, which is all that a form has.
    fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.fields.iter().map(|(name, value)| match value {
            Value::Text(text) => (*name, text.as_str()),
            Value::Yes => (*name, "true"),
        })
    }

    /// A line for each of them.
    fn lines(&self, line: impl Fn(&str, &str) -> String) -> String {
        self.texts().map(|(name, text)| line(name, text)).collect()
    }

    fn curl(&self) -> String {
        let mut code = format!("curl {} \\\n  -H \"Authorization: Bearer $WAMUX_KEY\"", shell(&self.url));
        match &self.file {
            None => {
                let json = format!("{{\n{}\n  }}", self.members("    ", "", double, "true", double));
                // Always quoted: what begins with a brace is a pattern to a shell.
                let _ = write!(code, " \\\n  --json '{}'", json.replace('\'', "'\\''"));
            }
            Some(file) => {
                for (name, text) in self.texts() {
                    let _ = write!(code, " \\\n  --form-string {}", shell(&format!("{name}={text}")));
                }
                let _ = write!(code, " \\\n  -F {}", shell(&format!("file=@{}", curl_file(file))));
            }
        }
        code
    }

    fn javascript(&self) -> String {
        let url = double(&self.url);
        let key = "Authorization: `Bearer ${process.env.WAMUX_KEY}`";
        let end = "console.log(answer.status, await answer.json());";
        let Some(file) = &self.file else {
            let body = self.members("    ", ",", double, "true", str::to_owned);
            return format!(
                "const answer = await fetch({url}, {{\n  method: \"POST\",\n  headers: {{\n    {key},\n    \
                 \"Content-Type\": \"application/json\",\n  }},\n  body: JSON.stringify({{\n{body}\n  }}),\n}});\n{end}"
            );
        };
        let file = double(file);
        let fields = self.lines(|name, text| format!("form.set({}, {});\n", double(name), double(text)));
        format!(
            "import {{ readFile }} from \"node:fs/promises\";\n\nconst form = new FormData();\n{fields}\
             form.set(\"file\", new Blob([await readFile({file})]), {file});\n\n\
             const answer = await fetch({url}, {{\n  method: \"POST\",\n  headers: {{ {key} }},\n  body: form,\n}});\n{end}"
        )
    }

    fn python(&self) -> String {
        let url = double(&self.url);
        let key = "headers={\"Authorization\": f\"Bearer {os.environ['WAMUX_KEY']}\"}";
        let end = "print(answer.status_code, answer.json())";
        let Some(file) = &self.file else {
            let body = self.members("        ", ",", double, "True", double);
            return format!(
                "import os\nimport requests\n\nanswer = requests.post(\n    {url},\n    {key},\n    json={{\n{body}\n    }},\n)\n{end}"
            );
        };
        let fields = self.lines(|name, text| format!("            {}: {},\n", double(name), double(text)));
        format!(
            "import os\nimport requests\n\nwith open({}, \"rb\") as file:\n    answer = requests.post(\n        {url},\n        \
             {key},\n        data={{\n{fields}        }},\n        files={{\"file\": file}},\n    )\n{end}",
            double(file)
        )
    }

    fn rust(&self) -> String {
        let (url, key) = (rust(&self.url), ".bearer_auth(std::env::var(\"WAMUX_KEY\")?)");
        let (features, before, body) = match &self.file {
            None => {
                let body = self.members("            ", ",", rust, "true", double);
                ("\"json\"", String::new(), format!(".json(&serde_json::json!({{\n{body}\n        }}))"))
            }
            Some(file) => {
                let fields = self.lines(|name, text| format!("        .text({}, {})\n", double(name), rust(text)));
                let form = format!(
                    "    let form = reqwest::multipart::Form::new()\n{fields}        .file(\"file\", {})\n        .await?;\n",
                    rust(file)
                );
                ("\"multipart\", \"stream\"", form, ".multipart(form)".to_owned())
            }
        };
        let json = if self.file.is_none() { "\n// serde_json = \"1\"" } else { "" };
        format!(
            "// reqwest = {{ version = \"0.13\", features = [{features}] }}{json}\n// tokio = {{ version = \"1\", features = [\"full\"] }}\n\n\
             #[tokio::main]\nasync fn main() -> Result<(), Box<dyn std::error::Error>> {{\n{before}    \
             let answer = reqwest::Client::new()\n        .post({url})\n        {key}\n        {body}\n        .send()\n        \
             .await?;\n    println!(\"{{}} {{}}\", answer.status(), answer.text().await?);\n    Ok(())\n}}"
        )
    }
}

#[cfg(test)]
mod tests;
