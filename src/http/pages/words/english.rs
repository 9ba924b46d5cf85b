//! The words of the pages in English.

use super::{Actors, Documentation, Landing, Words};

pub(super) const WORDS: Words = Words {
    entry: &super::entry::ENGLISH,
    rooms: &super::rooms::ENGLISH,
    overview: &super::overview::ENGLISH,
    sessions: &super::sessions::ENGLISH,
    keys: &super::keys::ENGLISH,
    refused: &super::refused::ENGLISH,
    #[cfg(feature = "sandbox")]
    phones: &super::phones::ENGLISH,
    theme: "Theme",
    themes: ["Auto", "Light", "Dark"],
    skip: "Skip to the content",
    main_navigation: "Main",
    docs: "Documentation",
    no_affiliation: "Not affiliated with WhatsApp.",
    landing: Landing {
        title: "Wamux: WhatsApp messages from your own software",
        heading: "WhatsApp messages from your own software",
        lead: "Link an account by scanning a QR code. Send texts, pictures, videos and voice notes over a small REST API, and receive \
               what people answer. What is accepted is safe on disk, and is delivered once.",
        begin: "Send a first message",
        read: "Read the documentation",
        reasons: [
            (
                "Nothing lost, nothing twice",
                "A 202 means that the message is in the database. Kill the process at any moment: it goes out after the next start, \
                 under the same id, and phones show it once.",
            ),
            (
                "Every account in a room of its own",
                "One actor per tenant and one per session, under supervisors that start them again. Trouble in one account stays there.",
            ),
            (
                "No phone needed to try it",
                "A simulated WhatsApp network comes with it. It speaks the real wire protocol with real encryption, and its phones \
                 scan, read and write back.",
            ),
            ("Small", "A connected session takes well under a megabyte of memory."),
            (
                "Sealed",
                "The keys of linked devices are encrypted in the database, under a master key that only you hold.",
            ),
            ("SQLite or PostgreSQL", "One file to begin with, and PostgreSQL for those who outgrow it."),
        ],
    },
    documentation: Documentation {
        contents: "Contents",
        guide: "Guide",
        codes: "Error codes",
        about_codes: "A refusal is application/problem+json with one of these codes. Codes are stable: match on them, and show people the detail.",
        path: "In the path",
        query: "In the query",
        body: "Body",
        answers: "Answers",
        required: "required",
        request: "Request",
        answer: "Answer",
    },
    actors: Actors {
        title: "Actors",
        as_of: "as of",
        this_page: "This page",
        ask: "Ask each actor",
        only_read: "Only read figures",
        read_again: "Read again",
        pause: "Pause",
        go_on: "Go on",
        forget: "Forget the token",
        not_read: "Not read just now; trying again.",
        not_taken: "The server does not take this token.",
        token: "Operator's token",
        show: "Show the actors",
        no_script: "Without scripts a browser cannot send the token; a command can, as a header.",
        attention: "Needs attention",
        all_well: "Nothing. Actors there:",
        need_it: "Actors, of all that there are:",
        more: "and this many more, which are not drawn:",
        tree: "The tree",
        states: ["left alone", "restarting", "no answer", "stopped", "running"],
        since: "since",
        back_at: "back at",
        waiting: "waiting",
        handled: "handled",
        restarts: "restarts",
        answered_in: "answered in",
        last_error: "Last error",
        sessions: "sessions",
        in_trouble: "in trouble",
    },
};
