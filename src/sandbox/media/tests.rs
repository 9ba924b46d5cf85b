//! The media servers, asked by hand.
