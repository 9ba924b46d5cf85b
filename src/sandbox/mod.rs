//! The WhatsApp network in a box.
